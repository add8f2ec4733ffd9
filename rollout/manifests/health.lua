-- The health of a CloneSet, Advanced StatefulSet or Advanced DaemonSet that is released in batches. Argo CD's own script
-- takes a partition for a release that somebody has to go on with, also at rest, and the last batch for a failure.
local spec, status = obj.spec or {}, obj.status or {}
local strategy = spec.updateStrategy or {}
local rolling = strategy.rollingUpdate or {}
local wanted = status.desiredNumberScheduled or spec.replicas or 1
local updated = status.updatedReplicas or status.updatedNumberScheduled or 0
local available = status.updatedAvailableReplicas or status.numberAvailable or status.availableReplicas or 0

local function health(word, message)
  return { status = word, message = message }
end

-- held is how many pods the partition keeps on the old revision. A script of a ConfigMap has neither string nor math.
local function held()
  local partition = rolling.partition or strategy.partition or 0
  if tonumber(partition) ~= nil then
    return tonumber(partition)
  end
  for percent = 0, 100 do
    if partition == percent .. "%" then
      local pods = wanted * percent / 100
      if pods % 1 > 0 then
        pods = pods - pods % 1 + 1
      end
      if percent < 100 and pods >= wanted and wanted > 1 then
        pods = wanted - 1
      end
      return pods
    end
  end
  return 0
end

if status.observedGeneration == nil then
  return health("Progressing", "Nobody has reported a status yet")
end
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The status is of an older generation")
end
for _, c in ipairs(status.conditions or {}) do
  if c.type == "Progressing" and c.reason == "ProgressDeadlineExceeded" then
    return health("Degraded", c.message or "The release has passed its deadline")
  end
end
if updated >= wanted then
  if available >= wanted then
    return health("Healthy", wanted .. " of " .. wanted .. " pods are updated and available")
  end
  return health("Progressing", available .. " of " .. wanted .. " updated pods are available")
end
local counted = updated .. " of " .. wanted .. " pods are updated"
if strategy.type == "OnDelete" and (status.numberAvailable or status.availableReplicas or 0) >= wanted then
  return health("Healthy", counted .. "; the others stay until somebody deletes them")
end
if strategy.paused == true or rolling.paused == true then
  return health("Suspended", counted .. ", and the update is paused")
end
if held() >= wanted then
  return health("Progressing", counted .. "; the release has yet to begin")
end
if held() > 0 and updated >= wanted - held() and available >= updated then
  return health("Suspended", counted .. "; the partition holds the others until the next batch")
end
return health("Progressing", counted .. ", " .. available .. " are available")
