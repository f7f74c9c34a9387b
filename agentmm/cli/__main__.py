"""`python -m agentmm.cli` is the command line too."""

from agentmm.cli import main

if __name__ == "__main__":
    main()
