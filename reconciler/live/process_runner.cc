#include "reconciler/live/process_runner.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <sstream>
#include <thread>
#include <utility>

#include "reconciler/check.h"
#include "reconciler/grammar.h"
#include "reconciler/json.h"
#include "reconciler/live/child_process.h"
#include "reconciler/url.h"

namespace fairlead::live {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kStreamMax = 16u << 20;
constexpr std::size_t kEnvironmentMax = 64u << 10;
constexpr milliseconds kAskAgain{20};
constexpr std::size_t kShellLessMax = 100;

bool readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

Answer ended(int code, std::string output) {
  if (code == 0) return Answer{200, std::move(output), ""};
  return Answer{500, std::move(output), "exit code " + std::to_string(code)};
}

// Lines NAME=VALUE; empty ones and those that begin with "#" are left out. Errors never hold what
// stands in the file.
Result<ChildProcess::Environment> read_environment(const std::string& path) {
  const Result<std::string> text = read_file(path, kEnvironmentMax);
  if (!text) return text.error();
  ChildProcess::Environment variables;
  std::istringstream lines(*text);
  int number = 1;
  for (std::string line; std::getline(lines, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || !is_env_name(line.substr(0, equals))) {
      return Error{Code::invalid, path + ":" + std::to_string(number) + ": must be NAME=VALUE", ""};
    }
    variables.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return variables;
}

Result<ChildProcess> start_on_host(const ProcessCall& call) {
  if (call.environment_file.empty()) return ChildProcess::start(call.arguments, call.environment);
  Result<ChildProcess::Environment> variables = read_environment(call.environment_file);
  // Whatever it is that is not there, it is not the program.
  if (!variables) return Error{Code::unavailable, variables.error().message, ""};
  variables->insert(variables->end(), call.environment.begin(), call.environment.end());
  return ChildProcess::start(call.arguments, *variables);
}

Answer on_host(const ProcessCall& call, int stop) {
  Result<ChildProcess> child = start_on_host(call);
  if (!child) {
    const int status = child.error().code == Code::not_found ? 404 : 500;
    return Answer{status, "", child.error().message};
  }
  if (!child->wait(Clock::now() + call.timeout, stop)) {
    child->end();
    if (readable(stop)) return outcome_unknown("fairlead is ending");
    return outcome_unknown(call.arguments[0] + " was ended: it took longer than " +
                           std::to_string(call.timeout.count()) + " ms");
  }
  const int status = child->status();
  std::string output = child->take_output();
  if (status == -1)
    return outcome_unknown("the end of " + call.arguments[0] + " was told to nobody");
  if (WIFSIGNALED(status))
    return Answer{500, std::move(output), "signal " + std::to_string(WTERMSIG(status))};
  return ended(WEXITSTATUS(status), std::move(output));
}

std::string exec_body(const ProcessCall& call) {
  Json variables = Json::array();
  for (const auto& [name, value] : call.environment) variables.push(name + "=" + value);
  return Json::object({{"Cmd", Json(call.arguments)},
                       {"Env", variables},
                       {"AttachStdout", true},
                       {"AttachStderr", true},
                       {"Tty", true}})
      .dump();
}

std::string shell_body() {
  return Json::object({{"Cmd", Json(ContainerShell::command())},
                       {"AttachStdin", true},
                       {"AttachStdout", true},
                       {"AttachStderr", true},
                       {"Tty", false}})
      .dump();
}

bool fits_shell(const ProcessCall& call) {
  const auto& words = call.arguments;
  return !call.writes() && call.environment.empty() &&
         std::all_of(words.begin(), words.end(),
                     [](const std::string& word) { return word.find('\n') == word.npos; });
}

// A terminal ends its lines with both.
std::string without_returns(std::string text) {
  for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) text.erase(at, 1);
  return text;
}

// What the engine says where the runtime has started nothing: as the output (20.10), or as an
// error (later ones).
bool says_not_started(const std::string& text) {
  return text.rfind("OCI runtime exec failed", 0) == 0;
}

Answer not_started(const std::string& text) {
  const std::string said = text.substr(0, text.find('\n'));
  for (const char* absent : {"executable file not found", "no such file or directory"}) {
    if (said.find(absent) != std::string::npos) return Answer{404, "", said};
  }
  return Answer{500, "", said};
}

Answer refused(const Answer& answer) {
  if (!answer.answered()) return answer;
  const Result<Json> body = Json::parse(answer.body);
  const std::string said = body ? (*body)["message"].as_string() : answer.body;
  if (says_not_started(said)) return not_started(said);
  return Answer{answer.status, "", said};
}

}  // namespace

ProcessRunner::ProcessRunner(HttpClient& http, bool read_only)
    : http_(http), read_only_(read_only), stop_(::eventfd(0, EFD_CLOEXEC)) {
  FAIRLEAD_CHECK(stop_.ok());
}

void ProcessRunner::stop() const { FAIRLEAD_CHECK(::eventfd_write(stop_.get(), 1) == 0); }

Answer ProcessRunner::call(const ProcessCall& call) {
  if (call.arguments.empty()) return Answer{404, "", "there is no program to run"};
  if (readable(stop_.get())) return outcome_unknown("fairlead is ending");
  if (read_only_ && call.writes())
    return outcome_unknown("refused to run " + call.arguments[0] + ": this world only reads");
  FAIRLEAD_CHECK(call.container.empty() || call.environment_file.empty());
  return call.container.empty() ? on_host(call, stop_.get()) : in_container(call);
}

Answer ProcessRunner::ask(const std::string& method, const std::string& path, std::string body,
                          Deadline deadline) const {
  HttpCall http;
  http.method = method;
  http.path = path;
  http.body = std::move(body);
  http.body_max = kStreamMax;
  http.timeout =
      std::max(milliseconds(1), std::chrono::ceil<milliseconds>(deadline - Clock::now()));
  return http_.send(http);
}

Answer ProcessRunner::in_container(const ProcessCall& call) {
  const Deadline deadline = Clock::now() + call.timeout;
  std::optional<Answer> answer;
  if (fits_shell(call)) answer = in_shell(call, deadline);
  return answer ? *answer : by_exec(call, deadline);
}

// Nothing where an exec must say it: what ran here only reads, so that it may run again.
std::optional<Answer> ProcessRunner::in_shell(const ProcessCall& call, Deadline deadline) {
  std::optional<ContainerShell> shell = take_shell(call.container);
  if (!shell && may_have_shell(call.container)) {
    const Answer made = ask("POST", "/containers/" + percent_encode(call.container) + "/exec",
                            shell_body(), deadline);
    // Its own exec would be refused likewise.
    if (made.answered() && !made.ok()) return refused(made);
    shell = start_shell(call.container, made, deadline);
  }
  if (!shell) return std::nullopt;
  std::optional<ContainerShell::Ended> end = shell->run(call.arguments, deadline, stop_.get());
  if (readable(stop_.get())) return outcome_unknown("fairlead is ending");
  if (!end && Clock::now() >= deadline) return outcome_unknown("the program has not ended in time");
  if (!end) return std::nullopt;
  const std::lock_guard lock(mutex_);
  shells_.insert_or_assign(call.container, std::move(*shell));
  // Words of the shell for what it could not start.
  if (end->code == 126 || end->code == 127) return std::nullopt;
  return ended(end->code, last_part(std::move(end->output)));
}

std::optional<ContainerShell> ProcessRunner::take_shell(const std::string& container) {
  const std::lock_guard lock(mutex_);
  const auto kept = shells_.extract(container);
  if (kept.empty()) return std::nullopt;
  return std::move(kept.mapped());
}

bool ProcessRunner::may_have_shell(const std::string& container) {
  const Result<Endpoint> engine = http_.engine();
  if (!engine || engine->kind != Endpoint::Kind::unix_socket) return false;
  const std::lock_guard lock(mutex_);
  std::erase_if(shells_, [](const auto& kept) { return kept.second.ended(); });
  return without_shell_.count(container) == 0;
}

std::optional<ContainerShell> ProcessRunner::start_shell(const std::string& container,
                                                         const Answer& made, Deadline deadline) {
  const Result<Endpoint> engine = http_.engine();
  const Result<Json> exec = Json::parse(made.body);
  if (!engine || !exec) return std::nullopt;
  Result<ContainerShell> shell =
      ContainerShell::start(engine->host, (*exec)["Id"].as_string(), deadline);
  // Where the image has none the engine says so in the stream, which then ends.
  if (shell && shell->run({"true"}, deadline, stop_.get())) return std::move(*shell);
  const std::lock_guard lock(mutex_);
  if (without_shell_.size() >= kShellLessMax) without_shell_.clear();
  without_shell_.insert(container);
  return std::nullopt;
}

Answer ProcessRunner::by_exec(const ProcessCall& call, Deadline deadline) const {
  const Answer made = ask("POST", "/containers/" + percent_encode(call.container) + "/exec",
                          exec_body(call), deadline);
  if (!made.ok()) return refused(made);
  const Result<Json> exec = Json::parse(made.body);
  if (!exec) return outcome_unknown("the engine's answer makes no sense: " + exec.error().message);
  const std::string path = "/exec/" + percent_encode((*exec)["Id"].as_string());
  const Answer stream = ask("POST", path + "/start", "{\"Detach\":false,\"Tty\":true}", deadline);
  if (!stream.ok()) return refused(stream);
  return ended_in_container(path, last_part(without_returns(stream.body)), deadline);
}

Answer ProcessRunner::ended_in_container(const std::string& exec, std::string output,
                                         Deadline deadline) const {
  for (;;) {
    const Answer answer = ask("GET", exec + "/json", "", deadline);
    if (!answer.ok())
      return outcome_unknown("the end of the program is not known: " + answer.error);
    const Result<Json> seen = Json::parse(answer.body);
    if (!seen)
      return outcome_unknown("the engine's answer makes no sense: " + seen.error().message);
    // The output ends a moment before the program does.
    if (!(*seen)["Running"].as_bool() && !(*seen)["ExitCode"].is_null()) {
      const int code = static_cast<int>((*seen)["ExitCode"].as_int(-1));
      return code != 0 && says_not_started(output) ? not_started(output)
                                                   : ended(code, std::move(output));
    }
    if (Clock::now() >= deadline) return outcome_unknown("the program has not ended in time");
    std::this_thread::sleep_for(kAskAgain);
  }
}

}  // namespace fairlead::live
