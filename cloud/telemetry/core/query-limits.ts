/** How much one question about telemetry may ask for. */
export const queryLimits = {
  devicesMax: 50,
  metricsMax: 20,
  pointsMax: 5_000,
  /** Points times series of one answer: some eight megabytes. */
  cellsMax: 100_000,
  latestDevicesMax: 200,
  exportDevicesMax: 200,
  exportMetricsMax: 100,
  exportsAtOnceMax: 4,
  countedDevicesMax: 20_000,
} as const;

/**
 * Null where a range's answer fits; else what would.
 *
 * @param asked how many of each
 */
export function tooWide(asked: { points: number; devices: number; metrics: number }): string | null {
  const { cellsMax } = queryLimits;
  const { points, devices, metrics } = asked;
  if (points * devices * metrics <= cellsMax) return null;
  const pointsFit = Math.floor(cellsMax / (devices * metrics));
  const metricsFit = Math.floor(cellsMax / (points * devices));
  const devicesFit = Math.floor(cellsMax / (points * metrics));
  const ways = [
    pointsFit > 0 ? `${pointsFit} points` : null,
    metricsFit > 0 && metricsFit < metrics ? `${metricsFit} metrics` : null,
    devicesFit > 0 && devicesFit < devices ? `${devicesFit} appliances` : null,
  ].filter((way) => way !== null);
  return `${points} points of ${devices} x ${metrics} series are ${points * devices * metrics}, and one answer has at most ${cellsMax} points x series: ask for at most ${ways.join(", or ")}.`;
}
