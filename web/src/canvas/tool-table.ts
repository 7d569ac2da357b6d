/** The tools by name: how each is made, drawn as a button and called. */

import type { ActionName } from "../keys";
import type { ToolName } from "./editor";
import type { Stage, Tool } from "./stage";
import { BoxTool, BrushTool, ExtremeTool, PolygonTool, SelectTool } from "./tools";

type Row = { name: string; says: string; icon: string; make: (stage: Stage) => Tool };

export const TOOL_TABLE: Partial<Record<ToolName, Row>> = {
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
};

export function makeTool(name: ToolName, stage: Stage): Tool {
  return (TOOL_TABLE[name] ?? TOOL_TABLE.select!).make(stage);
}

export const actionOfTool = (name: ToolName): ActionName => `tool.${name}`;
