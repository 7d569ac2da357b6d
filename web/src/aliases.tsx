import { Badge } from "./parts";
import type { Tone } from "./words";

const ALIAS_TONES: Record<string, Tone> = { champion: "good", challenger: "accent", previous: "quiet" };

/** What a model is called in production: champion, challenger, previous. */
export function Aliases({ names }: { names: readonly string[] }) {
  return names.map((name) => (
    <Badge key={name} tone={ALIAS_TONES[name] ?? "quiet"}>
      {name}
    </Badge>
  ));
}
