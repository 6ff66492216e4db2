#pragma once

#include <map>
#include <string_view>

// What comes next where an app is not Synced and Healthy, and what a person may do: one sentence
// for each Report::reason that providers and the loop say. Constant. A test reads the reasons from
// the sources and demands a sentence for each.
namespace fairlead {

// Reason → sentence, without a capital letter and a full stop.
const std::map<std::string_view, std::string_view>& next_steps();

}  // namespace fairlead
