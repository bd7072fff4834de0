// One question at a time, answered in a dialog.

export interface Question {
  title: string;
  body: string;
  yes: string;
  no: string;
  danger: boolean;
}

class Asker {
  question = $state.raw<Question | null>(null);
  #answer: ((yes: boolean) => void) | null = null;

  /** Resolves with the answer. A second question answers the first with no. */
  ask(question: Question): Promise<boolean> {
    this.answer(false);
    this.question = question;
    return new Promise((resolve) => (this.#answer = resolve));
  }

  answer(yes: boolean): void {
    const answer = this.#answer;
    this.#answer = null;
    this.question = null;
    answer?.(yes);
  }
}

export const asker = new Asker();
