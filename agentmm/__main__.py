"""`python -m agentmm` is the command line."""

from agentmm.cli import main

if __name__ == "__main__":
    main()
