// Validates WGSL files with Tint and Dawn, without a device: each shader as a
// module and as a pipeline with the bind group layout that its bindings declare.
//
//   node validate_shaders.mjs FOLDER [FOLDER OF node_modules]
//
// Needs the npm module webgpu, 0.6.2. Prints what is wrong and exits with 1 if
// anything is.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [folder, modules = "."] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node validate_shaders.mjs FOLDER [FOLDER OF node_modules]");
  process.exit(2);
}
const require = createRequire(join(resolve(modules), "package.json"));
const { create, globals } = require("webgpu");
Object.assign(globalThis, globals);

const gpu = create(["backend=null"]);
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice(); // default limits, the least that a device has

const bindingLine = /^@group\(0\) @binding\((\d+)\) var<(storage, read_write|storage, read|uniform)>/gm;
const bufferTypes = { "storage, read_write": "storage", "storage, read": "read-only-storage", uniform: "uniform" };

async function validate(name, code) {
  const problems = [];
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: name, code });
  for (const m of (await module.getCompilationInfo()).messages) {
    problems.push(`${m.type} at line ${m.lineNum}: ${m.message}`);
  }
  const entries = [...code.matchAll(bindingLine)].map(([, binding, kind]) => ({
    binding: Number(binding),
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: bufferTypes[kind] },
  }));
  const layout = device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries })] });
  device.createComputePipeline({ label: name, layout, compute: { module, entryPoint: "main" } });
  const error = await device.popErrorScope();
  if (error) {
    problems.push(error.message);
  }
  return problems;
}

const files = readdirSync(folder).filter((f) => f.endsWith(".wgsl")).sort();
let bad = 0;
for (const f of files) {
  const problems = await validate(f, readFileSync(join(folder, f), "utf8"));
  if (problems.length > 0) {
    bad++;
    console.log(`${f}\n  ${problems.join("\n").replaceAll("\n", "\n  ")}`);
  }
}
console.log(`${files.length} shaders, ${bad} rejected`);
process.exit(bad > 0 || files.length === 0 ? 1 : 0);
