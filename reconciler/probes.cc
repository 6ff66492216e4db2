// The part of Reconciler that makes the health checks which fairlead asks itself.

#include <algorithm>
#include <optional>
#include <utility>

#include "reconciler/reconciler.h"
#include "reconciler/source_text.h"

namespace fairlead {
namespace {

// Until it answers for the first time a container is asked more often, so that a deploy does not
// wait for nothing.
constexpr std::chrono::milliseconds eager{200};
// Until so many failures were counted: what has not begun by then does not begin any moment.
constexpr int eager_failures_max = 12;
constexpr std::size_t shown_max = 120;

// The first line of a body that has anything in it, fit for a line of the log.
std::string first_line(std::string_view body) {
  std::string line;
  while (!body.empty() && line.size() < shown_max) {
    const std::size_t length = std::max<std::size_t>(1, utf8_length(body));
    const std::string_view character = body.substr(0, length);
    body.remove_prefix(length);
    if (character == "\n" && line.find_first_not_of(' ') != line.npos) break;
    const bool blank = character == "\n" || character == "\r" || character == "\t";
    const bool plain = utf8_length(character) > 0 && !is_control(character);
    line += blank ? " " : plain ? std::string(character) : "?";
  }
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t end = line.find_last_not_of(' ') + 1;
  return line.substr(begin, std::max(begin, end) - begin);
}

// An app may answer by the host it is asked for, so that is said, too.
std::string host_sent(const HttpCall& call) {
  for (const auto& [name, value] : call.headers) {
    if (name == "Host") return value;
  }
  return call.endpoint;
}

std::string failure_of(const Probe& probe, const Answer& answer) {
  const auto* http = std::get_if<HttpCall>(&probe.call);
  if (!answer.answered() || !http) return probe.subject + ": " + answer.error;
  const std::string line = first_line(answer.body);
  return probe.subject + " (Host " + host_sent(*http) + "): " + std::to_string(answer.status) +
         (line.empty() ? "" : ": " + line);
}

}  // namespace

void Reconciler::plan_probes(AppState& state, const View& at_engine) {
  std::map<std::string, ProbeRun> wanted;
  for (const Link& held : links_) {
    if (options_.mode == Mode::plan || !state.wanted) break;
    if (!involved(state, held)) continue;
    std::optional<View> own;
    const View& view = &held == &engine() ? at_engine : own.emplace(view_of(state, held));
    for (Probe& probe : held.provider().probes(view)) {
      const auto known = state.probes.find(probe.key);
      ProbeRun run =
          known == state.probes.end() ? ProbeRun{{}, now_.steady, now_.steady, 0} : known->second;
      if (known == state.probes.end()) probe_schedule_.insert({run.due, state.name});
      run.probe = std::move(probe);
      const std::string key = run.probe.key;
      wanted[key] = std::move(run);
    }
  }
  state.probes = std::move(wanted);
  for (auto it = state.memory.probes.begin(); it != state.memory.probes.end();) {
    it = state.probes.count(it->first) > 0 ? std::next(it) : state.memory.probes.erase(it);
  }
}

void Reconciler::send_probes() {
  while (!probe_schedule_.empty() && probe_schedule_.begin()->first <= now_.steady) {
    const std::string name = probe_schedule_.begin()->second;
    probe_schedule_.erase(probe_schedule_.begin());
    const auto found = apps_.find(name);
    if (found == apps_.end()) continue;
    for (auto& [key, run] : found->second.probes) {
      if (run.in_flight != 0 || run.due > now_.steady) continue;
      run.in_flight = ask(run.probe.call);
      expect(run.in_flight, {Expected::For::probe, name, 0, key, 0, {}});
    }
  }
}

void Reconciler::take_probe(const Expected& expected, const Answer& answer) {
  const auto found = apps_.find(expected.owner);
  if (found == apps_.end()) return;
  AppState& state = found->second;
  const auto known = state.probes.find(expected.key);
  if (known == state.probes.end()) return;
  ProbeRun& run = known->second;
  run.in_flight = 0;
  ProbeState& held = state.memory.probes[expected.key];
  // As Docker's own and Kubernetes' checks: 2xx and 3xx are well.
  const bool well = answer.status >= 200 && answer.status < 400;
  bool news = false;
  if (well) {
    news = held.successes == 0 || held.failures_in_row > 0;
    held = {held.successes + 1, 0, ""};
  } else {
    held.last_error = failure_of(run.probe, answer);
    if (++held.failed_asks == 1) held.failing_since = now_.steady;
    held.failing_for = now_.steady - held.failing_since;
    // The eager ones in between are no further failures: `retries` counts whole intervals.
    const bool counts =
        now_.steady >= run.counted + run.probe.interval && now_.steady >= run.probe.lenient_until;
    if (counts) {
      ++held.failures_in_row;
      run.counted = now_.steady;
      news = true;
    }
  }
  const bool starting = held.successes == 0 && held.failures_in_row < eager_failures_max;
  run.due =
      now_.steady + (starting ? std::min<Duration>(run.probe.interval, eager) : run.probe.interval);
  probe_schedule_.insert({run.due, state.name});
  if (news) {
    if (state.phase == AppState::Phase::idle && state.due > now_.steady) {
      state.listed.insert(std::string(engine().provider().name()));
    }
    mark_dirty(state, now_.steady);
  }
}

}  // namespace fairlead
