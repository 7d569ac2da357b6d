import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { url, type Sample } from "../api/client";
import { labelWords, plural } from "../words";
import type { Windows } from "./windows";

export function picture(project: string, sha256: string, size: number): string {
  return url(`projects/${project}/images/${sha256}?size=${size}`);
}

const GAP = 8;
const CAPTION = 26;

/** Every image of a search in one grid: only the rows in sight exist. */
export function ImageGrid({
  project,
  windows,
  size,
  place,
  chosen,
  pick,
  open,
  setColumns,
}: {
  project: string;
  windows: Windows;
  size: number;
  place: number;
  chosen: ReadonlyMap<string, Sample>;
  pick: (index: number, how: "only" | "toggle" | "range") => void;
  open: (index: number) => void;
  setColumns: (n: number) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setWidth(element.clientWidth - 8);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  const columns = Math.max(2, Math.floor((width + GAP) / (size + GAP)));
  const tile = Math.floor((width - (columns - 1) * GAP) / columns);
  const total = windows.total ?? 0;
  const rows = useVirtualizer({
    count: Math.ceil(total / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => tile + CAPTION + GAP,
    overscan: 3,
  });
  const items = rows.getVirtualItems();
  const first = (items[0]?.index ?? 0) * columns;
  const last = Math.min(total, ((items.at(-1)?.index ?? 0) + 1) * columns) - 1;
  const { want } = windows;
  useEffect(() => want(first, last), [want, first, last]);
  useEffect(() => rows.measure(), [rows, tile]);
  useEffect(() => setColumns(columns), [columns, setColumns]);
  useEffect(() => {
    if (place >= 0 && total) rows.scrollToIndex(Math.floor(place / columns));
  }, [place, columns, total > 0, rows]);
  const sharp = tile * Math.min(2, devicePixelRatio) > 160 ? 320 : 160;
  return (
    <>
    <div
      ref={scroller}
      className="image-grid"
      role="listbox"
      aria-label="Images"
      aria-multiselectable="true"
      aria-activedescendant={place >= 0 ? `image-${place}` : undefined}
      tabIndex={0}
    >
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {items.map((row) => (
          <div
            key={row.key}
            className="image-row"
            role="presentation"
            style={{
              transform: `translateY(${row.start}px)`,
              gridTemplateColumns: `repeat(${columns}, ${tile}px)`,
              gap: GAP,
            }}
          >
            {Array.from({ length: Math.min(columns, total - row.index * columns) }, (_, column) => {
              const index = row.index * columns + column;
              const sample = windows.at(index);
              if (!sample) {
                return <div key={index} className="image-tile waits" style={{ height: tile + CAPTION }} />;
              }
              const label = sample.label ? labelWords(sample.label) : undefined;
              return (
                <div
                  key={index}
                  id={`image-${index}`}
                  role="option"
                  aria-selected={chosen.has(sample.key)}
                  aria-label={`${sample.key}, ${label ?? "no label"}, ${sample.split}`}
                  title={sample.key}
                  className={`image-tile ${index === place ? "focus" : ""}`}
                  onClick={(event) =>
                    event.shiftKey
                      ? pick(index, "range")
                      : event.ctrlKey || event.metaKey
                        ? pick(index, "toggle")
                        : open(index)
                  }
                >
                  <img
                    src={picture(project, sample.sha256, sharp)}
                    alt=""
                    style={{ height: tile }}
                    draggable={false}
                    decoding="async"
                  />
                  <span className="image-caption">
                    {label ? <b>{label}</b> : <i>no label</i>}{" "}
                    <span>{sample.split}</span>
                  </span>
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </div>
    <span className="visually-hidden" aria-live="polite">
      {windows.total === undefined ? "" : plural(windows.total, "image")}
    </span>
    </>
  );
}
