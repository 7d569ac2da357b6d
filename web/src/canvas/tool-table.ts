/** The tools by name: how each is made, drawn as a button and called. */

import type { ActionName } from "../keys";
import { CutoutTool, ScissorsTool, SuperpixelTool, WandTool } from "./assist-tools";
import type { ToolName } from "./editor";
import type { Stage, Tool } from "./stage";
import { BoxTool, BrushTool, ExtremeTool, PolygonTool, SelectTool } from "./tools";

type Row = { name: string; says: string; icon: string; make: (stage: Stage) => Tool };

export const TOOL_TABLE: Record<ToolName, Row> = {
  select: {
    name: "Select",
    says: "Click to choose, drag to move, pull at the handles. Shift chooses more, Alt-click deletes a point.",
    icon: "M5 3l10 6-4.5 1.2L8.5 15z",
    make: (stage) => new SelectTool(stage),
  },
  box: {
    name: "Box",
    says: "Drag from corner to corner, or click at both.",
    icon: "M3 5h14v10H3z",
    make: (stage) => new BoxTool(stage),
  },
  extreme: {
    name: "Four points",
    says: "Click the topmost, leftmost, lowest and rightmost point of the object, in any order.",
    icon: "M10 3h.01 M17 9h.01 M11 17h.01 M3 11h.01 M5.5 8L8 5.5 M12 5.5L15 7.5 M15.5 11.5L13 15 M9 15.5L5 13",
    make: (stage) => new ExtremeTool(stage),
  },
  polygon: {
    name: "Polygon",
    says: "Click the points, or draw by hand; end at the first one, with Enter or a double click.",
    icon: "M4 7l6-4 6 4-2 9H6z",
    make: (stage) => new PolygonTool(stage),
  },
  brush: {
    name: "Brush",
    says: "Paint a mask; what is chosen is painted on, with Shift a new one.",
    icon: "M16 3l-7 8 M9 11c-3 0-2 4-5 5 3 1 7 0 7-3z",
    make: (stage) => new BrushTool(stage, "add"),
  },
  eraser: {
    name: "Eraser",
    says: "Takes away from the chosen object, or from the one under the pointer.",
    icon: "M8 16l-5-5 8-8 6 6-7 7z M6 8l6 6 M8 16h9",
    make: (stage) => new BrushTool(stage, "remove"),
  },
  wand: {
    name: "Magic wand",
    says: "Click what has one colour. Shift adds to what is chosen, Alt takes from it; the tolerance can be changed afterwards.",
    icon: "M4 16l8-8 M14 3v3 M17 6h-3 M15.5 10.5h.01 M9.5 4.5h.01 M16.5 3.5h.01",
    make: (stage) => new WandTool(stage),
  },
  scissors: {
    name: "Scissors",
    says: "Click along the outline: between two clicks it follows the edges. End as with a polygon.",
    icon: "M5.5 8a2 2 0 1 1 .01 0z M5.5 16a2 2 0 1 1 .01 0z M7 7l9 7 M7 13l9-7",
    make: (stage) => new ScissorsTool(stage),
  },
  cutout: {
    name: "Cut-out",
    says: "Drag a box around an object: its outline is found in it.",
    icon: "M3 6V3h3 M14 3h3v3 M17 14v3h-3 M6 17H3v-3 M10 6c4 0 4 8 0 8s-4-8 0-8z",
    make: (stage) => new CutoutTool(stage),
  },
  superpixels: {
    name: "Superpixels",
    says: "Paint over patches of one look. Shift adds to what is chosen, Alt takes from it.",
    icon: "M3 6l5-3 4 3-1 5-5 1-3-3z M12 6l5 1v5l-4 2-2-3 M6 12l1 4 4 1 2-3",
    make: (stage) => new SuperpixelTool(stage),
  },
};

export function makeTool(name: ToolName, stage: Stage): Tool {
  return TOOL_TABLE[name].make(stage);
}

export const actionOfTool = (name: ToolName): ActionName => `tool.${name}`;
