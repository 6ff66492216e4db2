// What is well and will not stay so, or is not what was meant, as the log is told of it.

#include "reconciler/warnings.h"

#include <chrono>

namespace fairlead {
namespace {

constexpr std::chrono::hours again_after{24};

}  // namespace

std::vector<LogRecord> due_warnings(const AppState& state, Report& report, Told& told,
                                    Instant now) {
  if (state.wanted) {
    for (const Error& warning : state.wanted->app->warnings) report.warn(warning.text());
  }
  std::vector<LogRecord> records;
  for (const std::string& text : report.warnings) {
    const auto [known, is_new] = told.warnings.emplace(text, now.steady);
    const bool due = is_new || now.steady >= known->second + again_after;
    if (due) {
      known->second = now.steady;
      LogRecord record;
      record.level = LogRecord::Level::warning;
      record.app = state.name;
      record.verb = "warning";
      record.cause = text;
      records.push_back(std::move(record));
    }
    report.due(known->second + again_after);
  }
  std::erase_if(told.warnings,
                [&](const auto& entry) { return now.steady >= entry.second + 2 * again_after; });
  return records;
}

std::vector<BudgetWarning> budget_of(const std::map<std::string, AppState>& apps,
                                     const Platform& platform,
                                     const std::optional<Session>& engine) {
  std::vector<const App*> wanted;
  for (const auto& [name, state] : apps) {
    if (state.wanted && !state.removing) wanted.push_back(state.wanted->app.get());
  }
  return budget_warnings(wanted, platform, engine ? engine->facts["memory"].as_int() : 0);
}

std::vector<LogRecord> untold(const std::vector<BudgetWarning>& warnings, Told& told) {
  std::vector<LogRecord> records;
  for (const BudgetWarning& warning : warnings) {
    if (!told.budget.insert(warning.about).second) continue;
    LogRecord record;
    record.level = LogRecord::Level::warning;
    record.verb = "budget";
    record.cause = warning.text;
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace fairlead
