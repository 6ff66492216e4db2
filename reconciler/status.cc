#include "reconciler/status.h"

#include <algorithm>
#include <utility>

namespace fairlead {

const char* sync_name(SyncState sync) {
  switch (sync) {
    case SyncState::synced:
      return "Synced";
    case SyncState::out_of_sync:
      return "OutOfSync";
    case SyncState::unknown:
      return "Unknown";
  }
  return "Unknown";
}

const char* health_name(HealthState health) {
  switch (health) {
    case HealthState::healthy:
      return "Healthy";
    case HealthState::suspended:
      return "Suspended";
    case HealthState::progressing:
      return "Progressing";
    case HealthState::missing:
      return "Missing";
    case HealthState::degraded:
      return "Degraded";
    case HealthState::unknown:
      return "Unknown";
  }
  return "Unknown";
}

void Report::worsen(HealthState found, std::string_view why, std::string_view text) {
  if (found <= health && !(reason.empty() && found == health)) return;
  health = found;
  reason = why;
  message = text;
}

void Report::out_of_sync(std::string_view why, std::string_view text) {
  if (sync == SyncState::synced) sync = SyncState::out_of_sync;
  if (!reason.empty()) return;
  reason = why;
  message = text;
}

void Report::warn(std::string text) {
  if (std::find(warnings.begin(), warnings.end(), text) == warnings.end()) {
    warnings.push_back(std::move(text));
  }
}

void Report::due(Duration at) {
  if (!look_again || at < *look_again) look_again = at;
}

}  // namespace fairlead
