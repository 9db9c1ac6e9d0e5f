/** HTML text that is safe as it stands. Only {@link html} makes it. */
export class Html {
  private constructor(readonly text: string) {}

  /** For {@link html} alone. */
  static of(text: string): Html {
    return new Html(text);
  }
}

/** What can stand in an `html` template: text, which is escaped, or HTML made by `html`. */
export type HtmlValue = string | number | Html | readonly Html[];

/** Text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}

function render(value: HtmlValue | undefined): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map((part) => part.text).join('');
  return escapeHtml(String(value ?? ''));
}

/** HTML with every value escaped, unless `html` made it itself. Attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  return Html.of(
    strings.reduce((text, part, i) => text + (i === 0 ? '' : render(values[i - 1])) + part, ''),
  );
}

/** `166` as `2 min 46 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h} h ${m} min` : `${m} min ${s} s`;
}

/** `1234` as `1,234`. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** The time of day of an ISO moment, in UTC. */
export function clockTime(iso: string): string {
  return iso.slice(11, 19);
}
