import { sql } from "kysely";
import { type Model, model as modelSchema } from "#protocol/model.ts";
import type { Db } from "../platform/database.ts";
import { emptyLayout, type MetricLayout, newPositions } from "./core/metric-layout.ts";

interface ModelRow {
  key: string;
  version: number;
  document: unknown;
}

const newest = sql`SELECT DISTINCT ON (key) key, version, document FROM model`;

/** SQL of the models, and the layouts of their readings kept in memory. */
export class ModelsStore {
  readonly #layouts = new Map<string, MetricLayout>();

  /** The layout of a model's readings. Models that are not known have an empty one. */
  layout(model: string): MetricLayout {
    return this.#layouts.get(model) ?? emptyLayout;
  }

  async load(db: Db): Promise<void> {
    for (const model of await this.list(db)) await this.#loadLayout(db, model);
  }

  async list(db: Db): Promise<Model[]> {
    const { rows } = await sql<ModelRow>`${newest} ORDER BY key, version DESC LIMIT 10000`.execute(db);
    return rows.map((row) => modelSchema.parse(row.document));
  }

  async find(db: Db, key: string): Promise<Model | null> {
    const { rows } = await sql<ModelRow>`${newest} WHERE key = ${key} ORDER BY key, version DESC`.execute(db);
    return rows.map((row) => modelSchema.parse(row.document))[0] ?? null;
  }

  /** Stores a version and gives its new metrics their positions. Call `refresh` once the transaction is committed. */
  async insert(tx: Db, model: Model, nowMs: number): Promise<void> {
    await sql`INSERT INTO model (key, version, document, created_at_ms)
      VALUES (${model.key}, ${model.version}, ${JSON.stringify(model)}::jsonb, ${nowMs})`.execute(tx);
    const added = newPositions(await this.#positions(tx, model.key), model.metrics);
    if (added.size === 0) return;
    await sql`INSERT INTO metric_position (model, name, position)
      SELECT ${model.key}, name, position
      FROM unnest(${[...added.keys()]}::text[], ${[...added.values()]}::int[]) AS t(name, position)`.execute(tx);
  }

  async refresh(db: Db, model: Model): Promise<void> {
    await this.#loadLayout(db, model);
  }

  async #loadLayout(db: Db, model: Model): Promise<void> {
    const positions = await this.#positions(db, model.key);
    const declared = new Map(model.metrics.map((metric) => [metric.name, metric]));
    this.#layouts.set(model.key, { positions, size: positions.size, declared });
  }

  async #positions(db: Db, model: string): Promise<Map<string, number>> {
    const { rows } = await sql<{ name: string; position: number }>`
      SELECT name, position FROM metric_position WHERE model = ${model} ORDER BY position`.execute(db);
    return new Map(rows.map((row) => [row.name, row.position]));
  }
}
