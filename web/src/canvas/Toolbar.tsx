import { firstKey, useKeys } from "../keys";
import { Glyph } from "./CanvasPage";
import { useEditor, type Editor, type Settings, type ToolName } from "./editor";
import { actionOfTool, TOOL_TABLE } from "./tool-table";

/** The tools, and what can be set of the one in hand. */
export function Toolbar({ editor }: { editor: Editor }) {
  useEditor(editor);
  useKeys();
  const { tool } = editor.settings;
  return (
    <div className="canvas-tools" role="toolbar" aria-label="Tools" aria-orientation="vertical">
      {Object.entries(TOOL_TABLE).map(([name, row]) => (
        <button
          key={name}
          type="button"
          className="tool"
          aria-pressed={tool === name}
          aria-label={row.name}
          title={`${row.name} (${firstKey(actionOfTool(name as ToolName))}): ${row.says}`}
          onClick={() => editor.set({ tool: name as ToolName })}
        >
          <Glyph d={row.icon} />
          <span aria-hidden="true">{firstKey(actionOfTool(name as ToolName))}</span>
        </button>
      ))}
    </div>
  );
}

type Slider = { name: "brush" | "tolerance" | "patch"; label: string; least: number; most: number; unit: string };
const SLIDERS: Partial<Record<ToolName, Slider>> = {
  brush: { name: "brush", label: "Brush size", least: 1, most: 120, unit: "px" },
  eraser: { name: "brush", label: "Eraser size", least: 1, most: 120, unit: "px" },
  wand: { name: "tolerance", label: "Tolerance", least: 1, most: 120, unit: "grey levels" },
  superpixels: { name: "patch", label: "Size of a patch", least: 6, most: 120, unit: "px" },
};

/** What the tool in hand does, its size, and what it makes. */
export function ToolSettings({ editor }: { editor: Editor }) {
  const { settings } = useEditor(editor);
  const row = TOOL_TABLE[settings.tool];
  const slider = SLIDERS[settings.tool];
  const both = ["wand", "cutout", "superpixels"].includes(settings.tool);
  return (
    <section className="canvas-part tool-settings" aria-label="Tool">
      <h2>{row.name}</h2>
      <p className="soft">{row.says}</p>
      {slider && (
        <label>
          {slider.label}: {settings[slider.name]} {slider.unit} <kbd>{firstKey("tool.smaller")}</kbd>{" "}
          <kbd>{firstKey("tool.larger")}</kbd>
          <input
            type="range"
            min={slider.least}
            max={slider.most}
            value={settings[slider.name]}
            onChange={(e) => editor.set({ [slider.name]: Number(e.target.value) } as Partial<Settings>)}
          />
        </label>
      )}
      {both && (
        <div className="switch small" role="group" aria-label="It makes">
          {(["polygon", "mask"] as const).map((result) => (
            <button key={result} type="button" className="small" aria-pressed={settings.result === result} onClick={() => editor.set({ result })}>
              {result === "polygon" ? "Polygons" : "Masks"}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
