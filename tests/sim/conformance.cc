#include "tests/sim/conformance.h"

#include <algorithm>
#include <regex>

namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;

constexpr char at_once[] = "Less than a second";

// Of a container that was made to stop, "stop" and "die" come in the one order or the other.
std::string in_order(const std::string& events) {
  static const std::regex swapped("container stop, (container die [0-9]+)");
  return std::regex_replace(events, swapped, "$1, container stop");
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

std::string fill(std::string text, const std::map<std::string, std::string>& kept) {
  replace_all(text, "$image", std::string(conformance_image));
  replace_all(text, "$labelled", std::string(conformance_labelled));
  replace_all(text, "$", std::string(conformance_prefix));
  for (const auto& [word, value] : kept) replace_all(text, "{" + word + "}", value);
  return text;
}

Json at_path(const Json& json, const std::string& path) {
  Json here = json;
  std::size_t from = 0;
  while (from < path.size()) {
    const std::size_t end = std::min(path.find('.', from), path.size());
    const std::string key = path.substr(from, end - from);
    if (here.is_array()) {
      const auto index = static_cast<std::size_t>(std::atoi(key.c_str()));
      Json item = index < here.items().size() ? here.items()[index] : Json();
      here = std::move(item);
    } else {
      Json member = here[key];
      here = std::move(member);
    }
    from = end + 1;
  }
  return here;
}

// Asks the engine by the version that its dialect speaks.
Answer ask(ConformanceTarget& target, const std::string& method, const std::string& path,
           const std::string& body = "") {
  HttpCall call;
  call.method = method;
  const bool plain = path.starts_with("/v1.") || path.starts_with("/_ping");
  call.path = plain ? path : (target.dialect() == Dialect::api_1_45 ? "/v1.44" : "/v1.41") + path;
  call.body = body;
  call.timeout = std::chrono::seconds(60);
  return target.call(call);
}

bool applies(const std::optional<Dialect>& only, const ConformanceTarget& target) {
  return !only || *only == target.dialect();
}

class Run {
 public:
  explicit Run(ConformanceTarget& target) : target_(target), since_(target.wall()) {}

  void step(const ConformanceStep& step) {
    if (!applies(step.only, target_)) return;
    if (step.pass > Duration{0}) target_.pass(step.pass);
    if (step.method.empty()) return;
    if (step.method == "EVENTS") return compare_events(step);
    const Duration limit = target_.wall() + step.until;
    std::vector<std::string> wrong = once(step);
    while (!wrong.empty() && target_.wall() < limit) {
      target_.pass(milliseconds(20));
      wrong = once(step);
    }
    failures.insert(failures.end(), wrong.begin(), wrong.end());
  }

  std::vector<std::string> failures;

 private:
  std::vector<std::string> once(const ConformanceStep& step) {
    std::string path = fill(step.path, kept_);
    replace_all(path, "\"", "%22");
    replace_all(path, " ", "%20");
    const Answer answer = ask(target_, step.method, path, fill(step.body, kept_));
    const bool newer = target_.dialect() == Dialect::api_1_45;
    const int status = newer ? step.status_newer.value_or(step.status) : step.status;
    const std::string what = step.method + " " + path + ": ";
    const std::string came = answer.body.substr(0, 1500);
    std::vector<std::string> wrong;
    if (answer.status != status) {
      wrong.push_back(what + "status " + std::to_string(answer.status) + ", not " +
                      std::to_string(status) + ": " + came + answer.error);
    }
    const Result<Json> parsed = Json::parse(answer.body);
    const Json body = parsed ? *parsed : Json();
    for (const auto& [word, where] : step.keeps) kept_[word] = at_path(body, where).as_string();
    for (const ConformanceCheck& check : step.checks) {
      if (applies(check.only, target_) && !holds(check, answer.body, body)) {
        wrong.push_back(
            what + check.path + " is not " +
            (check.contains.empty() ? fill(check.equals.dump(), kept_)
                                    : "saying " + fill(check.contains, kept_)) +
            " but " + (check.path.empty() ? came : at_path(body, fill(check.path, kept_)).dump()));
      }
    }
    return wrong;
  }

  bool holds(const ConformanceCheck& check, const std::string& text, const Json& body) const {
    if (!check.contains.empty()) {
      const std::string message = body["message"].as_string();
      const std::string wanted = fill(check.contains, kept_);
      return (message.empty() ? text : message).find(wanted) != std::string::npos;
    }
    const Json found = at_path(body, fill(check.path, kept_));
    if (!check.equals.is_string()) return found == check.equals;
    const std::string wanted = fill(check.equals.as_string(), kept_);
    // On a loaded machine the seconds pass between two steps: "Up 2 seconds (Paused)".
    static const std::regex some_seconds("[0-9]+ seconds?");
    return found == Json(wanted) ||
           (wanted.find(at_once) != wanted.npos && found.is_string() &&
            std::regex_replace(found.as_string(), some_seconds, at_once) == wanted);
  }

  void compare_events(const ConformanceStep& step) {
    target_.pass(milliseconds(150));
    std::string seen;
    Duration last = since_;
    for (const std::string& line : target_.events_since(since_)) {
      const Json event = Json::parse(line).value();
      last = std::max(last, Duration(event["timeNano"].as_int() + 1));
      const std::string& name = event["Actor"]["Attributes"]["name"].as_string();
      const std::string& id = event["Actor"]["ID"].as_string();
      const std::string action = event["Action"].as_string();
      const bool ours = name.starts_with(conformance_prefix) || id.starts_with(conformance_prefix);
      if (!ours || action.starts_with("exec_")) continue;
      seen += (seen.empty() ? "" : ", ") + event["Type"].as_string() + " " + action;
      const Json& more = event["Actor"]["Attributes"];
      if (more.has("signal")) seen += " " + more["signal"].as_string();
      if (more.has("exitCode")) seen += " " + more["exitCode"].as_string();
    }
    since_ = last;
    const bool newer = target_.dialect() == Dialect::api_1_45;
    const std::string& wanted = newer && !step.events_newer.empty() ? step.events_newer : step.body;
    if (in_order(seen) != in_order(wanted)) {
      failures.push_back("events: " + seen + "\n   not: " + wanted);
    }
  }

  ConformanceTarget& target_;
  Duration since_;
  std::map<std::string, std::string> kept_;
};

void clean_up(ConformanceTarget& target) {
  const std::string named =
      "?all=1&filters=%7B%22name%22:%5B%22" + std::string(conformance_prefix) + "%22%5D%7D";
  const Answer containers = ask(target, "GET", "/containers/json" + named);
  const Json container_list = Json::parse(containers.body).value();
  for (const Json& container : container_list.items()) {
    ask(target, "DELETE", "/containers/" + container["Id"].as_string() + "?force=1");
  }
  const Answer networks = ask(target, "GET", "/networks");
  const Json network_list = Json::parse(networks.body).value();
  for (const Json& network : network_list.items()) {
    if (!network["Name"].as_string().starts_with(conformance_prefix)) continue;
    ask(target, "DELETE", "/networks/" + network["Id"].as_string());
  }
  const Answer volumes = ask(target, "GET", "/volumes");
  const Json volume_list = Json::parse(volumes.body).value();
  for (const Json& volume : volume_list["Volumes"].items()) {
    const std::string& name = volume["Name"].as_string();
    if (name.starts_with(conformance_prefix)) ask(target, "DELETE", "/volumes/" + name);
  }
}

}  // namespace

ConformanceStep& ConformanceStep::newer(int newer_status) {
  status_newer = newer_status;
  return *this;
}
ConformanceStep& ConformanceStep::is(const std::string& where, Json value) {
  checks.push_back({where, std::move(value), "", {}});
  return *this;
}
ConformanceStep& ConformanceStep::is_newer(const std::string& where, Json value) {
  checks.push_back({where, std::move(value), "", Dialect::api_1_45});
  return *this;
}
ConformanceStep& ConformanceStep::is_older(const std::string& where, Json value) {
  checks.push_back({where, std::move(value), "", Dialect::api_1_41});
  return *this;
}
ConformanceStep& ConformanceStep::says(const std::string& text) {
  checks.push_back({"", {}, text, {}});
  return *this;
}
ConformanceStep& ConformanceStep::says_newer(const std::string& text) {
  checks.push_back({"", {}, text, Dialect::api_1_45});
  return *this;
}
ConformanceStep& ConformanceStep::says_older(const std::string& text) {
  checks.push_back({"", {}, text, Dialect::api_1_41});
  return *this;
}
ConformanceStep& ConformanceStep::keep(const std::string& word, const std::string& where) {
  keeps[word] = where;
  return *this;
}
ConformanceStep& ConformanceStep::within(Duration time) {
  until = time;
  return *this;
}
ConformanceStep& ConformanceStep::older_only() {
  only = Dialect::api_1_41;
  return *this;
}
ConformanceStep& ConformanceStep::newer_only() {
  only = Dialect::api_1_45;
  return *this;
}

std::vector<std::string> run_conformance(ConformanceTarget& target, const ConformanceRow& row) {
  clean_up(target);
  target.pass(milliseconds(5));  // what was before is not within "since"
  Run run(target);
  for (const ConformanceStep& step : row.steps) run.step(step);
  clean_up(target);
  return run.failures;
}

}  // namespace fairlead::sim
