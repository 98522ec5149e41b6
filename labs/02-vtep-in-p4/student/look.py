"""Shows what the switch does with a frame, step by step, with the lines of vtep.p4.

    python look.py encapsulate      # or decapsulate, flood, from-tunnel-flood, learn

It leaves build/vtep.json, build/entries.txt and build/NAME.pcap for commands of your own.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import labs
from labs.vtep import controller, examples
from v1switch.commands.main import main
from v1switch.io.captures import PcapFile

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

HERE, BUILD = Path(__file__).parent, Path(__file__).parent / "build"
GIVEN = Path(labs.__file__).parent / "02-vtep-in-p4" / "given"


def built(tables: bool) -> Path:
    """The program as BMv2 JSON."""
    program = BUILD / "vtep.json"
    if tables:
        shutil.copy(GIVEN / "tables.json", program)
        return program
    if shutil.which("p4c-bm2-ss"):
        words = ["p4c-bm2-ss", "--arch", "v1model", "-o", str(program), "vtep.p4"]
    elif shutil.which("p4c"):  # the driver names a folder
        words = ["p4c", "--target", "bmv2", "--arch", "v1model", "-o", str(BUILD), "vtep.p4"]
    else:
        sys.exit('p4c is not on the PATH: see the handout, or set way = "tables" in way.toml')
    if subprocess.run(words, cwd=HERE, check=False).returncode:
        sys.exit("vtep.p4 does not compile")
    return program


given = tomllib.loads((HERE / "given.toml").read_text())
try:
    way = tomllib.loads((HERE / "way.toml").read_text()).get("way")
except tomllib.TOMLDecodeError as error:
    sys.exit(f"way.toml: {error}")
if way not in ("p4", "tables"):
    sys.exit(f'way.toml: way is {way!r}, expected "p4" or "tables"')
tables = way == "tables"
frames = examples(given)
name = sys.argv[1] if len(sys.argv) > 1 else ""
if name not in frames:
    sys.exit(f"{name or 'no name'}: expected one of {', '.join(frames)}")
BUILD.mkdir(exist_ok=True)
entries = BUILD / "entries.txt"
choices = (HERE / "choices.txt").read_text() if tables else ""
entries.write_text(choices + controller(given))
port, frame = frames[name]
capture = PcapFile(BUILD / f"{name}.pcap")
capture.write(frame, 0)
capture.close()
words = ["explain", str(built(tables)), "--entries", str(entries)]
sys.exit(main([*words, "--port", str(port), "--packet", str(BUILD / f"{name}.pcap")]))
