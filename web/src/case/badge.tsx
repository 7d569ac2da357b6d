import type { Case } from "../api/client";
import { Badge } from "../parts";
import { needsDecision, OUTCOMES } from "../words";

export function CaseBadge({ found }: { found: Case }) {
  if (found.outcome) {
    const { word, tone } = OUTCOMES[found.outcome];
    return <Badge tone={tone}>{word}</Badge>;
  }
  if (needsDecision(found.waiting_for)) return <Badge tone="warn">Waits for a decision</Badge>;
  return <Badge tone="accent">Open</Badge>;
}
