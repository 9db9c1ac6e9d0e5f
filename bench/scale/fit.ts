/** A straight line through points, and how well it describes them. */
export interface Fit {
  readonly slope: number;
  readonly intercept: number;
  /** Share of the variance that the line explains: 1 where all points lie on it. */
  readonly r2: number;
}

/** Least squares. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Fit {
  const mean = (of: 0 | 1): number =>
    points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [mx, my] = [mean(0), mean(1)];
  const sum = (each: (x: number, y: number) => number): number =>
    points.reduce((total, [x, y]) => total + each(x - mx, y - my), 0);
  const [xx, yy, xy] = [sum((x) => x * x), sum((_x, y) => y * y), sum((x, y) => x * y)];
  const slope = xy / xx;
  return { slope, intercept: my - slope * mx, r2: (xy * xy) / (xx * yy) };
}
