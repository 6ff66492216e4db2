#include "reconciler/plan.h"

#include <algorithm>
#include <utility>

#include "reconciler/check.h"

namespace fairlead {

std::size_t Plan::add(Step step) {
  for (const std::size_t need : step.needs) FAIRLEAD_CHECK(need < steps_.size());
  steps_.push_back(std::move(step));
  return steps_.size() - 1;
}

Call Step::call() const {
  FAIRLEAD_CHECK(!waits());
  if (const auto* http = std::get_if<HttpCall>(&request)) return *http;
  if (const auto* sql = std::get_if<SqlCall>(&request)) return *sql;
  if (const auto* file = std::get_if<FileCall>(&request)) return *file;
  return std::get<ProcessCall>(request);
}

bool Plan::has_requests() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) { return !step.waits(); });
}

std::string Plan::text() const {
  std::string out;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    out += std::to_string(i + 1) + ". " + step.verb + " " + step.resource;
    for (std::size_t n = 0; n < step.needs.size(); ++n) {
      out += (n == 0 ? " after " : ", ") + std::to_string(step.needs[n] + 1);
    }
    if (!step.cause.empty()) out += ": " + step.cause;
    out += "\n";
  }
  return out;
}

}  // namespace fairlead
