"""Makes the page of Allure small: its pieces are base64, each by itself, of which a tenth is left once they are compressed as a whole.

The page's own script asks for its pieces by name and waits until they are said to be there, so it does not see the difference. A page
made in another way than is known here stays as it is.
"""

from __future__ import annotations

import base64
import json
import re
import zlib

_PIECE = re.compile(r'd\("([^"\\]+)","([A-Za-z0-9+/=]*)"\)')
_PIECES = re.compile(
    r"<script defer>\s*Promise\.allSettled\(\[(?P<pieces>(?:d\(\"[^\"\\]+\",\"[A-Za-z0-9+/=]*\"\),?)*)\]\)\s*"
    r"\.then\(function\(\)\s*\{\s*window\.allureReportDataReady = true;\s*\}\)\s*</script>"
)
_SCRIPT = re.compile(r'<script\s+src="data:text/javascript;base64,([A-Za-z0-9+/=]+)"></script>')
_OWN = 50
"""About how many bytes at its beginning are a piece's own, such as its id: behind them, what is alike stands together once it is sorted."""
_LOADER = """<script type="text/plain" id="packed">%s</script>
<script>
(async () => {
  let packed;
  try {
    const bytes = Uint8Array.from(atob(document.getElementById("packed").textContent), (c) => c.charCodeAt(0));
    packed = JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text());
  } catch {
    document.body.textContent = "This browser cannot unpack the page. index.html beside it tells the same.";
    return;
  }
  const base64 = (text) => {
    let binary = "";
    const bytes = new TextEncoder().encode(text);
    for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(binary);
  };
  for (const name of Object.keys(packed.texts)) {
    Object.defineProperty(window.allureReportData, name, { enumerable: true, get: () => base64(packed.texts[name]) });
  }
  Object.assign(window.allureReportData, packed.rest);
  for (const [name, like] of Object.entries(packed.alike)) {
    Object.defineProperty(window.allureReportData, name, { enumerable: true, get: () => window.allureReportData[like] });
  }
  window.allureReportDataReady = true;
  for (const text of packed.scripts) {
    const script = document.createElement("script");
    script.textContent = text;
    document.body.append(script);
  }
})();
</script>"""


def packed(html: str) -> str:
    """The page with its pieces and its script as one compressed text."""
    held = _PIECES.search(html)
    if held is None or not held["pieces"]:
        return html
    pieces = {name: base64.b64decode(data) for name, data in _PIECE.findall(held["pieces"])}
    texts: dict[str, str] = {}
    rest: dict[str, str] = {}
    alike: dict[str, str] = {}
    first: dict[bytes, str] = {}
    for name, data in sorted(pieces.items(), key=lambda piece: (piece[0].split("/")[:2], piece[1][_OWN:])):
        if first.setdefault(data, name) != name:
            alike[name] = first[data]
            continue
        try:
            texts[name] = data.decode("utf-8")
        except UnicodeDecodeError:
            rest[name] = base64.b64encode(data).decode()
    scripts = [base64.b64decode(script).decode("utf-8") for script in _SCRIPT.findall(html[: held.start()])]
    text = json.dumps({"texts": texts, "rest": rest, "alike": alike, "scripts": scripts}, ensure_ascii=False, separators=(",", ":"))
    whole = base64.b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 9)).decode()
    return _SCRIPT.sub("", html[: held.start()]) + (_LOADER % whole) + html[held.end() :]
