import gc
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest
from PIL import Image as PILImage

PARTS = Path(__file__).parent / "parts.py"
PLANNER = f"{PARTS}:said"
TOOLS = [f"{PARTS}:{name}" for name in ("double", "paint", "look", "refuse", "crash", "note", "meet", "hold", "die")]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A Ray of this machine for all tests; its sockets want a short path."""
    ray = pytest.importorskip("ray")
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        for tries_left in (2, 1, 0):
            try:
                ray.init(
                    address="local", num_cpus=4, num_gpus=0, include_dashboard=False, log_to_driver=False,
                    object_store_memory=80 * 2**20, logging_level="ERROR", _temp_dir=folder,
                )  # fmt: skip
                break
            except Exception as error:  # it waits half a minute for its parts, and no longer, on a busy machine
                if not tries_left or "timed out during startup" not in str(error):
                    raise
                ray.shutdown()
                with warnings.catch_warnings():  # of the parts that it leaves behind
                    warnings.simplefilter("ignore")
                    del error
                    gc.collect()
        yield ray
        ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def picture():
    return PILImage.new("RGB", (64, 48), (220, 20, 20))
