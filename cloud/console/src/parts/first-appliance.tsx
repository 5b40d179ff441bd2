import { useQuery } from "@tanstack/react-query";
import { modelsQuery } from "../api/queries.ts";
import { curlSend } from "../core/curl.ts";
import { CopyLine } from "./copy-line.tsx";
import { Empty } from "./empty.tsx";

const exampleModel = {
  key: "oven-x200",
  version: 1,
  brand: "Example",
  name: "Oven X200",
  kind: "oven",
  hardwareIds: ["x200-a"],
  locales: ["en"],
  metrics: [
    { name: "cavity_c", label: "Cavity", unit: "°C" },
    { name: "setpoint_c", label: "Setpoint", unit: "°C" },
  ],
  capabilities: { programs: [] },
};

/** A Hearth without appliances: the lines that bring the first one in. */
export function FirstAppliance() {
  const models = useQuery(modelsQuery).data?.items;
  if (models === undefined) return null;
  const model = models[0];
  return (
    <Empty title="No appliances yet">
      <p>
        Hearth shows an appliance once it is registered. Put your key into <code>HEARTH_KEY</code> in a terminal (it
        needs the role admin), then:
      </p>
      {model === undefined && (
        <CopyLine
          what="First its model: what it measures, and what it can do"
          line={curlSend(location.origin, "PUT", `/api/v1/models/${exampleModel.key}`, exampleModel)}
        />
      )}
      <CopyLine
        what={model === undefined ? "Then the appliance" : `An appliance of the model ${model.name}`}
        line={curlSend(location.origin, "POST", "/api/v1/devices", {
          id: "my-first-oven",
          model: model?.key ?? exampleModel.key,
        })}
      />
      <p>The answer holds the token that the appliance connects with. This page shows it within seconds.</p>
    </Empty>
  );
}
