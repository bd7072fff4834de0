// Choices of a form where what is stored may be none of those that it offers.

/** The list with the own value in its place, so that a form never changes what nobody touched. */
export function withOwn(list: number[], own: number): number[] {
  return list.includes(own) ? list : [...list, own].sort((a, b) => a - b);
}
