import type { StoredEvent } from "./api/client";
import { plain, when } from "./words";

/** Things that happened, one plain sentence each. */
export function EventList({ events }: { events: StoredEvent[] }) {
  if (!events.length) return <p className="soft">Nothing yet.</p>;
  return (
    <ol className="events">
      {events.map((event) => (
        <li key={event.id}>
          <time dateTime={event.at}>{when(event.at)}</time>
          <span>
            {plain(event.what)} <span className="soft">{event.actor}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}
