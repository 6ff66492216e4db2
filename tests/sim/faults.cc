#include "tests/sim/faults.h"

namespace fairlead::sim {

const char* fault_name(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::refused:
      return "refused";
    case Fault::hang:
      return "hang";
    case Fault::cut_before_effect:
      return "cut_before_effect";
    case Fault::cut_after_effect:
      return "cut_after_effect";
    case Fault::error_before_effect:
      return "error_before_effect";
    case Fault::error_after_effect:
      return "error_after_effect";
    case Fault::conflict:
      return "conflict";
    case Fault::not_found:
      return "not_found";
    case Fault::slow:
      return "slow";
    case Fault::list_missing:
      return "list_missing";
    case Fault::engine_restart:
      return "engine_restart";
    case Fault::event_lost:
      return "event_lost";
    case Fault::event_too_long:
      return "event_too_long";
    case Fault::event_duplicated:
      return "event_duplicated";
    case Fault::event_reordered:
      return "event_reordered";
    case Fault::reload_lost:
      return "reload_lost";
    case Fault::reload_slow:
      return "reload_slow";
  }
  return "none";
}

const char* crash_name(CrashPlan::When when) {
  switch (when) {
    case CrashPlan::When::before_send:
      return "before_send";
    case CrashPlan::When::after_send:
      return "after_send";
    case CrashPlan::When::after_answer:
      return "after_answer";
  }
  return "before_send";
}

int Sometimes::of(const std::string& name) const {
  const auto found = counts_.find(name);
  return found == counts_.end() ? 0 : found->second;
}

Sometimes& sometimes() {
  static Sometimes counts;
  return counts;
}

}  // namespace fairlead::sim
