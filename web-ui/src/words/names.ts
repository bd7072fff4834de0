import { t } from "../strings";
import type { Channel, Id, Source } from "../api/types";

export function sourceOf(channel: Channel, id: Id | null | undefined): Source | undefined {
  return id == null ? undefined : channel.sources.find((source) => source.id === id);
}

/** The operator's name of a source; of the slate where there is none. */
export function sourceName(channel: Channel, id: Id | null | undefined): string {
  if (id == null) return t.onAir.ownSlate;
  return sourceOf(channel, id)?.name ?? t.onAir.unknown;
}

/** The operator's name of whatever a fault is about; nothing where it is the whole. */
export function subjectName(channel: Channel, subject: string): string | null {
  const of = (list: { id: Id; name: string }[]) => list.find((one) => one.id === subject)?.name;
  return of(channel.sources) ?? of(channel.destinations) ?? null;
}
