import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import type { Images, Which } from "./images";
import { pictureUrl } from "./opening";

const WIDE = 76;

/** The images to go through, as a row of small pictures. */
export function Strip({
  project,
  images,
  place,
  which,
  setWhich,
  go,
}: {
  project: string;
  images: Images;
  place: number;
  which: Which;
  setWhich: (which: Which) => void;
  go: (key: string) => void;
}) {
  const items = images.items ?? [];
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    horizontal: true,
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => WIDE,
    overscan: 4,
  });
  useEffect(() => {
    if (place >= 0) virtual.scrollToIndex(place, { align: "auto" });
  }, [place, virtual]);
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last > items.length - 20) images.more();
  }, [last, items.length, images]);
  return (
    <div className="canvas-strip">
      <select aria-label="Which images" value={which} onChange={(e) => setWhich(e.target.value as Which)}>
        <option value="todo">To label</option>
        <option value="all">All images</option>
      </select>
      <div ref={scroller} className="strip-scroll" role="listbox" aria-label="Images" aria-orientation="horizontal" tabIndex={0} aria-activedescendant={place >= 0 ? `strip-${place}` : undefined}>
        <div style={{ width: virtual.getTotalSize(), position: "relative", height: "100%" }}>
          {shown.map(({ index, start, key }) => {
            const item = items[index]!;
            return (
              <div
                key={key}
                id={`strip-${index}`}
                role="option"
                aria-selected={index === place}
                aria-label={`${item.key}${item.labelled ? ", labelled" : item.asked ? ", asked for" : ""}`}
                title={item.key}
                className={`strip-item ${item.labelled ? "is-done" : ""} ${item.asked ? "is-asked" : ""}`}
                style={{ transform: `translateX(${start}px)` }}
                onClick={() => go(item.key)}
              >
                <img src={pictureUrl(project, item.sha256, 96)} alt="" loading="lazy" />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
