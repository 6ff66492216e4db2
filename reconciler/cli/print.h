#pragma once

#include <string>

#include "reconciler/app_state.h"
#include "reconciler/json.h"

// What people read: tables and plans, made from the same JSON that programs get. Pure but for
// print() and complain().
namespace fairlead::cli {

// To standard output; and "fairlead: …" to standard error. Texts of the outside may hold anything,
// and a terminal must not obey them: nothing else prints.
void print(const std::string& text);
void complain(const std::string& text);
// For a table, in one line.
std::string plain(const std::string& text);

std::string status_table(const Json& status);
// Of all apps, or of the one that `explain` tells of.
std::string routes_table(const Json& routes);
std::string explanation(const Json& explain);
Json plan_json(const std::string& app, const AppState& state);
std::string plan_text(const Json& plan);

}  // namespace fairlead::cli
