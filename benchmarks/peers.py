"""Other programs to measure beside ours, each in an environment of its own in the user's cache.

Made when it is not there, never in the product's environment. What cannot be had is None, said on
stderr, and its rows are left out.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def cache() -> Path:
    """Where the environments are."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "agentflow-benchmarks"


def left_out(name: str, why: object) -> Path | None:
    """Nothing, and why."""
    print(f"{name} is left out: {why}", file=sys.stderr)
    return None


def python_with(name: str, *requirements: str) -> Path | None:
    """The interpreter of an environment that has ``requirements``."""
    home = cache() / name
    python = home / "bin" / "python"
    done = home / "complete"
    if not done.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", home], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return left_out(name, error)
        done.touch()
    return python


def node_with(package: str) -> Path | None:
    """The directory in which a program for Node finds ``package``."""
    home = cache() / package
    if not (shutil.which("node") and shutil.which("npm")):
        return left_out(package, "node and npm are not installed")
    if not (home / "node_modules" / package).exists():
        home.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--no-fund", "--no-audit", package]
        try:
            subprocess.run(install, cwd=home, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return left_out(package, error)
    return home


def postfix() -> Path | None:
    """The directory with Postfix's smtp-sink and smtp-source: Debian's package, unpacked."""
    home = cache() / "postfix"
    programs = home / "usr" / "sbin"
    if (programs / "smtp-sink").exists():
        return programs
    if not shutil.which("apt-get"):
        return left_out("postfix", "there is no apt-get to download it with")
    home.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "-qq", "postfix"], cwd=home, check=True)
        for package in home.glob("postfix_*.deb"):
            subprocess.run(["dpkg", "-x", package, home], check=True)
            package.unlink()
    except (OSError, subprocess.CalledProcessError) as error:
        return left_out("postfix", f"{error}; try 'apt-get update' first")
    return programs


def postfix_environment(programs: Path) -> Mapping[str, str]:
    """Postfix's programs want its libraries, which are not where the system looks for them."""
    return {**os.environ, "LD_LIBRARY_PATH": str(programs.parent / "lib" / "postfix")}
