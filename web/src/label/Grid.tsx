import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type Ref } from "react";
import { fromApi, type LabelTask } from "../api/client";
import { Suggestion } from "./Suggestion";

const GAP = 8;
const CAPTION = 30;
const PADDING = 4;
// A press that moves less than this is a click.
const CLICK = 6;
// So near to the end more are fetched.
const AHEAD = 60;

export type GridHandle = {
  columns: () => number;
  /** The first and last place that can be seen, at least by half. */
  inSight: () => [number, number];
};
type Box = { left: number; top: number; width: number; height: number };

/** The width between the paddings, in which the frames of the outer images fit. */
function inner(element: HTMLElement): number {
  return element.clientWidth - 2 * PADDING;
}

/** All images of a share; only the rows in sight exist. A drag over them selects. */
export function Grid({
  tasks, size, chosen, place, select, sweep, more, handle,
}: {
  tasks: LabelTask[];
  size: number;
  chosen: ReadonlySet<string>;
  place: number;
  select: (index: number, how: "toggle" | "range") => void;
  sweep: (indices: number[], add: boolean) => void;
  more: () => void;
  handle: Ref<GridHandle>;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(inner(element)));
    watch.observe(element);
    setWidth(inner(element));
    return () => watch.disconnect();
  }, []);
  const across = Math.max(2, Math.floor((width + GAP) / (size + GAP)));
  const tile = (width - GAP * (across - 1)) / across;
  const line = tile + CAPTION + GAP;
  const virtual = useVirtualizer({
    count: Math.ceil(tasks.length / across),
    getScrollElement: () => scroller.current,
    estimateSize: () => line,
    overscan: 3,
  });
  useEffect(() => virtual.measure(), [line, virtual]);
  const row = Math.floor(place / across);
  useEffect(() => virtual.scrollToIndex(row, { align: "auto" }), [row, virtual]);
  useImperativeHandle(handle, () => ({
    columns: () => across,
    inSight: () => {
      const element = scroller.current;
      if (!element) return [0, -1];
      const first = Math.max(0, Math.ceil(element.scrollTop / line - 0.5));
      const last = Math.floor((element.scrollTop + element.clientHeight) / line - 0.5);
      return [first * across, Math.min(tasks.length, (last + 1) * across) - 1];
    },
  }), [across, line, tasks.length]);
  const items = virtual.getVirtualItems();
  const end = ((items.at(-1)?.index ?? 0) + 1) * across;
  useEffect(() => {
    if (end > tasks.length - AHEAD) more();
  }, [end, tasks.length, more]);

  const [box, setBox] = useState<Box>();
  const swept = useRef(false);
  function press(event: React.PointerEvent) {
    const element = scroller.current;
    if (!element || event.button !== 0 || event.pointerType === "touch") return;
    const frame = element.getBoundingClientRect();
    // The scroll bar is the browser's.
    if (event.clientX > frame.left + element.clientWidth) return;
    const at = (e: { clientX: number; clientY: number }) => ({
      x: e.clientX - frame.left - PADDING,
      y: e.clientY - frame.top - PADDING + element.scrollTop,
    });
    const from = at(event);
    const add = event.shiftKey || event.ctrlKey || event.metaKey;
    let latest: { clientX: number; clientY: number } = event.nativeEvent;
    let moving = 0;
    swept.current = false;
    const grow = () => {
      const to = at(latest);
      const left = Math.min(from.x, to.x), top = Math.min(from.y, to.y);
      const right = Math.max(from.x, to.x), bottom = Math.max(from.y, to.y);
      setBox({ left, top, width: right - left, height: bottom - top });
      const found: number[] = [];
      for (let r = Math.max(0, Math.floor(top / line)); r <= bottom / line; r += 1) {
        if (top > r * line + tile + CAPTION) continue;
        for (let c = 0; c < across; c += 1) {
          const start = c * (tile + GAP);
          const index = r * across + c;
          if (right >= start && left <= start + tile && index < tasks.length) found.push(index);
        }
      }
      sweep(found, add);
    };
    const scroll = () => {
      const edge = latest.clientY < frame.top + 24 ? -1 : latest.clientY > frame.bottom - 24 ? 1 : 0;
      if (edge) {
        element.scrollTop += 14 * edge;
        grow();
      }
      moving = requestAnimationFrame(scroll);
    };
    const move = (e: PointerEvent) => {
      latest = e;
      if (!swept.current && Math.hypot(e.clientX - event.clientX, e.clientY - event.clientY) < CLICK) return;
      if (!swept.current) moving = requestAnimationFrame(scroll);
      swept.current = true;
      grow();
    };
    const stop = () => {
      cancelAnimationFrame(moving);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
      setBox(undefined);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
  }

  const sharp = tile * Math.min(2, devicePixelRatio) > 160 ? 320 : 160;
  return (
    <div
      ref={scroller}
      className="label-grid"
      role="listbox"
      aria-multiselectable="true"
      aria-label="Images to label"
      aria-activedescendant={`task-${place}`}
      tabIndex={0}
      onPointerDown={press}
      onClickCapture={(event) => {
        if (swept.current) event.stopPropagation();
        swept.current = false;
      }}
    >
      <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {items.map((part) => (
          <div
            key={part.key}
            className="label-row"
            role="presentation"
            style={{
              transform: `translateY(${part.start}px)`,
              gridTemplateColumns: `repeat(${across}, ${tile}px)`,
              gap: GAP,
            }}
          >
            {tasks.slice(part.index * across, (part.index + 1) * across).map((task, i) => (
              <Tile
                key={task.id}
                task={task}
                index={part.index * across + i}
                chosen={chosen.has(task.id)}
                focus={part.index * across + i === place}
                height={tile}
                sharp={sharp}
                select={select}
              />
            ))}
          </div>
        ))}
        {box && <div className="sweep" style={box} />}
      </div>
    </div>
  );
}

const Tile = memo(function Tile({
  task, index, chosen, focus, height, sharp, select,
}: {
  task: LabelTask;
  index: number;
  chosen: boolean;
  focus: boolean;
  height: number;
  sharp: number;
  select: (index: number, how: "toggle" | "range") => void;
}) {
  return (
    <div
      id={`task-${index}`}
      role="option"
      aria-selected={chosen}
      aria-label={`${task.key}${task.suggestion ? `, suggested ${task.suggestion}` : ""}`}
      className={`tile ${focus ? "focus" : ""}`}
      onClick={(event) => select(index, event.shiftKey ? "range" : "toggle")}
    >
      <img
        src={`${fromApi(task.image_url ?? "")}?size=${sharp}`}
        alt=""
        height={height}
        style={{ height }}
        draggable={false}
        decoding="async"
      />
      <Suggestion task={task} />
    </div>
  );
});
