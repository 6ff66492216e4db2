#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/app_state.h"
#include "reconciler/budget.h"

// Warnings of the host as a whole, as status and log tell them. Pure.
namespace fairlead {

// What all that is wanted asks of the host. `engine`: absent where its memory is not known.
std::vector<BudgetWarning> budget_of(const std::map<std::string, AppState>& apps,
                                     const Platform& platform,
                                     const std::optional<Session>& engine);

// Those that are to be logged: each once, however its numbers change.
std::vector<LogRecord> untold(const std::vector<BudgetWarning>& warnings, Told& told);

}  // namespace fairlead
