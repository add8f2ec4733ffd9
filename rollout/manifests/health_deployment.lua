-- The health of a Deployment, also of one that is released in batches. Argo CD's own rule calls a paused one Suspended, and so
-- rests one that slipway releases. Of any other Deployment it says what that rule says.
local spec, status, metadata = obj.spec or {}, obj.status or {}, obj.metadata
local wanted = spec.replicas or 1
local updated, all = status.updatedReplicas or 0, status.replicas or 0
local ready, available = status.readyReplicas or 0, status.availableReplicas or 0
local released = (metadata.annotations or {})["slipway.dev/original"] ~= nil
local rests = spec.paused == true and spec.progressDeadlineSeconds == 2147483647

local function health(word, message)
  return { status = word, message = message }
end

local counted = updated .. " of " .. wanted .. " pods are updated"
if spec.paused == true and not released and not rests then
  return health("Suspended", "Somebody has paused it; " .. counted)
end
if (status.observedGeneration or 0) < (metadata.generation or 0) then
  return health("Progressing", "The status is of an older generation")
end
for _, c in ipairs(status.conditions or {}) do
  if c.type == "Progressing" and c.reason == "ProgressDeadlineExceeded" then
    return health("Degraded", c.message or "The release has passed its deadline")
  end
end
if released then
  if spec.paused == true and updated < wanted and ready >= all then
    return health("Suspended", counted .. "; the others wait for the next batch")
  end
  return health("Progressing", counted .. ", and " .. ready .. " pods are ready")
end
if updated < wanted then
  if rests then
    return health("Progressing", counted .. "; the release has yet to begin")
  end
  return health("Progressing", counted)
end
if all > updated then
  return health("Progressing", (all - updated) .. " old pods are still there")
end
if available < updated then
  return health("Progressing", available .. " of " .. updated .. " updated pods are available")
end
return health("Healthy", updated .. " of " .. wanted .. " pods are updated and available")
