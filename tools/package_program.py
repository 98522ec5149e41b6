"""Build hook of hatchling: put the compiled P4 program into the wheel as data of falcon_ctl.

`p4/` holds no Python and is no package, because p4runtime installs a package of that name. An
editable installation reads `p4/compiled` where it is.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE, DESTINATION = "p4/compiled", "falcon_ctl/compiled"


class PackageProgram(BuildHookInterface[Any]):
    """Adds `SOURCE` to the wheel as `DESTINATION`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a build; `version` is ``standard`` or ``editable``."""
        if version == "standard":
            build_data["force_include"][SOURCE] = DESTINATION
