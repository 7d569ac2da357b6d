// Writes src/api/schema.ts from openapi.json. The first line names the document it was made from,
// so that a test can tell without Node whether the types have fallen behind.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const document = readFileSync("openapi.json");
const digest = createHash("sha256").update(document).digest("hex");
const types = astToString(await openapiTS(document.toString()));
writeFileSync("src/api/schema.ts", `// openapi.json sha256:${digest}\n${types}`);
