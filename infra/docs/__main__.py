"""Write the generated documents: ``python -m infra.docs``, in the root of the repository."""

import sys
from pathlib import Path

from infra.docs.files import FILES

if __name__ == "__main__":
    for name, render in FILES.items():
        file = Path(name)
        before = file.read_text("utf-8") if file.exists() else ""
        file.write_text(render(before), "utf-8")
        print(f"wrote {name}", file=sys.stderr)
