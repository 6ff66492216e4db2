// The part of Reconciler that tells what is well and will not stay so, or is not what was meant:
// each text once a day, however many apps and passes come upon it.

#include <chrono>

#include "reconciler/reconciler.h"

namespace fairlead {
namespace {

constexpr std::chrono::hours again_after{24};

}  // namespace

void Reconciler::tell_warnings(const AppState& state, Report& report) {
  if (state.wanted) {
    for (const Error& warning : state.wanted->app->warnings) report.warn(warning.text());
  }
  for (const std::string& text : report.warnings) {
    const auto [known, is_new] = told_.warnings.emplace(text, now_.steady);
    if (!is_new && now_.steady < known->second + again_after) {
      report.due(known->second + again_after);
      continue;
    }
    known->second = now_.steady;
    report.due(now_.steady + again_after);
    LogRecord record;
    record.level = LogRecord::Level::warning;
    record.app = state.name;
    record.verb = "warning";
    record.cause = text;
    log(std::move(record));
  }
  std::erase_if(told_.warnings, [this](const auto& entry) {
    return now_.steady >= entry.second + 2 * again_after;
  });
}

}  // namespace fairlead
