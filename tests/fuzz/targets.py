"""The six targets by name."""

from types import ModuleType

from tests.fuzz import (
    target_files,
    target_frames,
    target_loader,
    target_p4runtime,
    target_pairs,
    target_specs,
)

TARGETS: dict[str, ModuleType] = {
    "loader": target_loader,
    "frames": target_frames,
    "p4runtime": target_p4runtime,
    "pairs": target_pairs,
    "files": target_files,
    "specs": target_specs,
}
