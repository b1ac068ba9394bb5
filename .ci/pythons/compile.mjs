// Compiles every module in a later Python, with what it warns of as errors, and looks for the modules of the standard library that are imported:
// node compile.mjs FOLDER-OF-NODE-MODULES NAME REPOSITORY
import { pathToFileURL } from "node:url";
const [, , modules, name, repository] = process.argv;
const program = `
import ast, pathlib, sys, warnings
warnings.simplefilter("error")
paths = [p for place in ("smartlaunch", "features", "steps", "suites") for p in sorted(pathlib.Path("/repository", place).rglob("*.py"))]
wrong, names = [], set()
for path in paths:
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text, str(path))
        compile(tree, str(path), "exec", dont_inherit=True)
    except Exception as exc:
        wrong.append(f"{path}: {type(exc).__name__}: {exc}")
        continue
    for node in ast.walk(tree):
        names |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module} if isinstance(node, ast.ImportFrom) and node.module and not node.level else set()
known = STANDARD
gone = sorted(n for n in names if n.partition(".")[0] in known and n.partition(".")[0] not in sys.stdlib_module_names)
wrong += [f"{name} is no module of this Python" for name in gone]
f"{sys.version.split()[0]}: {len(paths)} modules, {len([n for n in names if n.partition('.')[0] in known])} of the standard library; {len(wrong)} wrong" + "".join("\\n  " + w for w in wrong)
`;
const folder = `${modules}/${name}/`;
const { loadPyodide } = await import(pathToFileURL(`${folder}pyodide.mjs`).href);
const python = await loadPyodide({ indexURL: folder });
python.FS.mkdirTree("/repository");
python.FS.mount(python.FS.filesystems.NODEFS, { root: repository }, "/repository");
let said = "";
try {
  said = python.runPython(program.replace("STANDARD", process.env.STANDARD));
} catch (error) {
  said = `${name}: ${error.message}`;
}
console.log(said);
process.exit(said.split("\n")[0].endsWith("; 0 wrong") ? 0 : 1);
