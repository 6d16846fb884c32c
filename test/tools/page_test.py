"""Opens the page of `weft-inspect html` in a browser without a screen and looks at what it draws."""
import html, json, os, re, shutil, struct, subprocess, sys, tempfile, unittest, zlib
from pathlib import Path

BIN, SAMPLE = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:3]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pixels(path):
    """Rows of (red, green, blue) of a PNG file with 8 bits a channel."""
    data, at, packed = Path(path).read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    channels = {2: 3, 6: 4}[colour]
    assert depth == 8
    raw, stride, rows, last = zlib.decompress(packed), width * channels, [], bytearray(width * channels)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for k in range(stride):
            left, up = (row[k - channels] if k >= channels else 0), last[k]
            corner = last[k - channels] if k >= channels else 0
            if kind == 4:
                guess = left + up - corner
                left = min((left, up, corner), key=lambda v: abs(guess - v))
            row[k] = (row[k] + (0, left, up, (left + up) // 2, left)[kind]) & 255
        rows.append([tuple(row[k:k + 3]) for k in range(0, stride, channels)])
        last = row
    return rows


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(os.environ.get("WEFT_TEST_PAGE_FOLDER") or folder.name)
        env = dict(os.environ, WEFT_CACHE_DIR=str(cls.root / "cache"), WEFT_NUM_THREADS="2")
        for command in (["weft-inspect", "run", "--", SAMPLE], ["weft-inspect", "html", "-o", "page.html"]):
            subprocess.run([os.path.join(BIN, command[0]), *command[1:]], cwd=cls.root, env=env, check=True, capture_output=True, timeout=300)
        cls.text = (cls.root / "page.html").read_text()
        cls.data = json.loads(re.search(r'id="data">(.*?)</script>', cls.text, re.S).group(1))

    def browse(self, address, *arguments, page="page.html"):
        r = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
                            f"--user-data-dir={self.root}/browser", "--window-size=1500,940", "--enable-logging=stderr", "--v=0",
                            "--virtual-time-budget=4000", *arguments, f"file://{self.root}/{page}#{address}"],
                           capture_output=True, text=True, timeout=120)
        said = [line for line in r.stderr.splitlines() if "CONSOLE" in line]
        self.assertEqual(said, [], address)
        return r.stdout

    def dom(self, address, **options):
        text = self.browse(address, "--dump-dom", **options)
        root = re.search(r"<html[^>]*>", text).group(0)
        self.assertIn('data-ready="true"', root)
        self.assertNotIn("data-error", root)
        self.assertNotIn("data-hacked", root)
        return text

    def test_it_needs_nothing_else(self):
        without_data = re.sub(r'id="data">.*?</script>', "", self.text, flags=re.S)
        self.assertEqual(re.findall(r"""(?:src|href)=|url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)""", without_data), [])
        self.assertIn("default-src 'none'", self.text)

    def test_lines_of_stages_are_linked_with_their_ops(self):
        program = self.data[0]
        self.assertGreater(len(program["ops"]), 1000)
        stages = {s["name"]: s for s in program["stages"]}
        checked = 0
        for name in "weft", "fused":
            lines, links = stages[name]["text"].splitlines(), stages[name]["ops"]
            for line, op in zip(links[::2], links[1::2]):
                op = program["ops"][op]["name"]
                if f"weft.{op} " in lines[line - 1]:
                    checked += 1
        self.assertGreater(checked, 500)
        links = [len(s["ops"]) for k in program["kernels"] for s in k["stages"] if s["name"] == "loom"]
        self.assertGreater(min(links), 2)
        self.assertGreater(max(links), 20)

    def test_the_graph_shows_every_op_in_its_kernel(self):
        text = self.dom("0/graph")
        program = self.data[0]
        self.assertEqual(len(re.findall(r'class="node(?: folded)?(?: output)?"', text)), len(program["ops"]))
        self.assertEqual(len(re.findall(r'class="cluster"', text)), len(program["launches"]))
        self.assertLess(float(re.search(r'data-ms="([\d.]+)"', text).group(1)), 3000)

    def test_a_picked_op_lights_up_in_every_view(self):
        program = self.data[0]
        pick = next(k for k, op in enumerate(program["ops"]) if op["name"] == "matmul")
        text = self.dom(f"0/code/{pick}")
        lit = re.findall(r'class="l linked sel"><i>[^<]*</i>([^<]*)', text)
        for needle in "matmul(x, weights[k])", "weft.matmul", "loom.":
            self.assertTrue(any(needle in line for line in lit), (needle, lit))
        self.assertRegex(self.dom(f"0/graph/{pick}"), r'class="node[^"]* sel"')
        self.assertRegex(self.dom(f"0/timeline/{pick}"), r'class="bar sel"')

    def test_a_click_picks_and_escape_lets_go(self):
        click = """<script>
          const line = [...document.querySelectorAll(".l.linked")].find(l => l.textContent.includes("matmul(x, weights[k])"));
          line.click();
          document.documentElement.dataset.lit = document.querySelectorAll(".l.sel").length;
          dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
          document.documentElement.dataset.left = document.querySelectorAll(".l.sel").length;
        </script></body>"""
        (self.root / "click.html").write_text(self.text.replace("</body>", click))
        root = re.search(r"<html[^>]*>", self.dom("0/code", page="click.html")).group(0)
        # The source line, and what a hundred layers made of it in two graphs.
        self.assertGreater(int(re.search(r'data-lit="(\d+)"', root).group(1)), 200)
        self.assertIn('data-left="0"', root)

    def test_each_view_draws(self):
        for view, needles in {"code": ["class=\"pane\"", "page_sample.cpp", "weft.matmul", "loom.kernel", "define void"],
                              "memory": ["Temporaries in the arena", "<rect"], "timeline": ["a run in", "GFLOP/s"],
                              "remarks": ["does not join", "class=\"tag\""], "compile": ["between the steps", "By kernel"]}.items():
            text = self.dom("0/" + view)
            for needle in needles:
                self.assertIn(needle, text, view)

    def test_texts_are_never_markup(self):
        markup = html.escape("</script><img src=x", quote=False)
        for view in "graph", "code", "memory", "timeline", "remarks", "compile":
            text = self.dom("1/" + view)
            self.assertIn(markup, text, view)
            self.assertNotIn("<img", re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.S))

    def test_a_picture_is_not_blank(self):
        for view in "graph", "code":
            file = self.root / f"{view}.png"
            self.browse("0/" + view, f"--screenshot={file}")
            rows = pixels(file)
            self.assertEqual((len(rows[0]), len(rows)), (1500, 940))
            inside = [p for row in rows[60::3] for p in row[260::3]]
            counts = {}
            for p in inside:
                counts[p] = counts.get(p, 0) + 1
            self.assertGreater(len(counts), 40, view)
            self.assertLess(max(counts.values()) / len(inside), 0.95, view)


if __name__ == "__main__":
    if not BROWSER:
        print("SKIPPED: no browser is installed: the page was not looked at (Debian: chromium)")
        sys.exit(0)
    unittest.main(verbosity=2)
