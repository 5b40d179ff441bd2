/**
 * A piece of food in a hot chamber: a wet surface and a core behind it.
 *
 * The surface takes heat from the air, passes it to the core, and loses it by evaporation, which grows with the saturation pressure
 * of water at the surface. Near 75 °C the loss balances what the air brings: the core then creeps ("the stall") until the surface
 * has dried, and rises again. The four rates were fitted to three recorded cooks of meat at about 115 °C in a smoker: 40, 60, 75 and
 * 80 °C after 67, 134, 259 and 329 minutes here, and after 75, 140, 240 and 360 minutes in the first of them.
 */
export interface Food {
  massKg: number;
  surface_c: number;
  core_c: number;
  /** 1 as it came from the kitchen, 0 when its surface is dry. */
  wet: number;
}

const referenceMassKg = 2.5;
const airToSurfacePerS = 1.0e-3;
const coreToSurfacePerS = 1.0e-3;
const surfaceToCorePerS = 2.5e-4;
/** Kelvin a second that evaporation takes from a wet surface, per kPa of saturation pressure. */
const evaporationPerS = 7.0e-4;
/** Share of the surface's water that goes with each kelvin that evaporation takes. */
const dryingPerKelvin = 1.5e-3;

/** Saturation pressure of water in kPa (Magnus). */
const saturationKpa = (celsius: number): number => 0.6108 * Math.exp((17.27 * celsius) / (celsius + 237.3));

export const freshFood = (massKg: number, start_c: number): Food => ({
  massKg,
  surface_c: start_c,
  core_c: start_c,
  wet: 1,
});

/** The food one second later, in air of `air_c`. Smaller pieces are faster by surface over volume. */
export function foodAfterSecond(food: Food, air_c: number): Food {
  const scale = (referenceMassKg / food.massKg) ** (2 / 3);
  const evaporation = evaporationPerS * Math.min(1, food.wet * 2) * saturationKpa(Math.min(food.surface_c, 100));
  const surfaceRise =
    airToSurfacePerS * (air_c - food.surface_c) + coreToSurfacePerS * (food.core_c - food.surface_c) - evaporation;
  const coreRise = surfaceToCorePerS * (food.surface_c - food.core_c);
  return {
    massKg: food.massKg,
    surface_c: food.surface_c + scale * surfaceRise,
    core_c: food.core_c + scale * coreRise,
    wet: Math.max(0, food.wet - scale * evaporation * dryingPerKelvin),
  };
}
