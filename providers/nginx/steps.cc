#include "providers/nginx/steps.h"

#include <algorithm>
#include <utility>

#include "providers/nginx/acme.h"
#include "providers/nginx/seen.h"

namespace fairlead::nginx {
namespace {

using std::chrono::seconds;

constexpr seconds test_timeout{20};
constexpr std::size_t said_max = 300;

Step of(std::string verb, std::string resource) {
  Step step;
  step.verb = std::move(verb);
  step.resource = std::move(resource);
  return step;
}

Error denied(const std::string& what) {
  return {Code::denied, "refused by fairlead's policy: " + what, ""};
}

// What nginx says, without its own name, the time, the level and its number:
// "nginx: [emerg] … in /etc/nginx/fairlead/sites/blog.3f9c2a1b.conf:12",
// "2026/11/22 10:22:09 [emerg] 31#31: … in …".
std::string said(const Answer& answer) {
  std::string text = answer.body.empty() ? answer.error : answer.body;
  const std::size_t emerg = text.find("[emerg] ");
  if (emerg != text.npos) text = text.substr(emerg + 8);
  const std::size_t number = text.find_first_not_of("0123456789#");
  if (number != 0 && number != text.npos && text.compare(number, 2, ": ") == 0) {
    text = text.substr(number + 2);
  }
  text = text.substr(0, std::min(text.find_first_of("\r\n"), said_max));
  return text;
}

std::string text_between(const std::string& text, const std::string& begin,
                         const std::string& end) {
  const std::size_t at = text.find(begin);
  if (at == text.npos) return "";
  const std::size_t from = at + begin.size();
  const std::size_t to = text.find(end, from);
  return to == text.npos ? "" : text.substr(from, to - from);
}

// Where the tested generation lies for the nginx that tests it: in its container, or on the host.
std::string tested_folder(const Step& step) {
  for (const std::string& word : std::get<ProcessCall>(step.request).arguments) {
    const std::size_t name = word.rfind("/generation.");
    if (name != word.npos) return word.substr(0, name + 1);
  }
  return std::string(folder_in_container) + "/";
}

// "blog.3f9c2a1b" where the message names a site; "certificates/ID.pem" where it names one of
// these: of which site it is nginx does not say.
std::string blamed(const std::string& text, const std::string& folder) {
  const std::string certificate = text_between(text, folder + "certificates/", "\"");
  if (!certificate.empty()) return "certificates/" + certificate;
  return text_between(text, folder + "sites/", ".conf");
}

Outcome judge_test(const Step& step, const Answer& answer) {
  if (answer.ok()) return {};
  const std::string why = said(answer);
  const std::string site = answer.status == 500 ? blamed(why, tested_folder(step)) : "";
  Outcome outcome;
  outcome.error = {Code::invalid, "nginx refuses " + step.resource + ": " + why, ""};
  outcome.next = site.empty() ? Outcome::Next::failed : Outcome::Next::look_again;
  if (!site.empty()) outcome.notes[note_rejected + site] = "nginx refuses it: " + why;
  // It went, or stopped, meanwhile.
  if (answer.status == 404 || answer.status == 409) outcome.next = Outcome::Next::look_again;
  return outcome;
}

bool is_container_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// The generation's id out of "FOLDER/generation.ID.conf"; empty: it is no such path.
std::string generation_in(const std::string& path, const std::string& folder) {
  const std::string begin = folder + "/generation.";
  const std::string end = ".conf";
  if (!path.starts_with(begin) || !path.ends_with(end) ||
      path.size() <= begin.size() + end.size()) {
    return "";
  }
  const std::string id = path.substr(begin.size(), path.size() - begin.size() - end.size());
  return id.find_first_not_of("0123456789abcdef") == id.npos ? id : "";
}

std::vector<std::string> host_test(const Platform& platform, const std::string& generation) {
  std::vector<std::string> words = platform.edge.test;
  for (std::string& word : words) {
    if (word == "{config}") word = platform.folders.edge + "/" + generation_path(generation);
  }
  return words;
}

bool is_hup(const HttpCall& call) {
  const std::string begin = "/containers/";
  const std::string end = "/kill?signal=HUP";
  const std::string& path = call.path;
  return call.endpoint == "engine" && call.method == "POST" && path.starts_with(begin) &&
         path.ends_with(end) && path.size() > begin.size() + end.size() &&
         is_container_id(path.substr(begin.size(), path.size() - begin.size() - end.size()));
}

// A test in a container, or one of the two commands that the platform file says.
bool is_known(const ProcessCall& call, const Platform& platform) {
  const auto& words = call.arguments;
  if (!call.environment.empty() || words.empty()) return false;
  if (!call.container.empty()) {
    return is_container_id(call.container) && words.size() == 5 &&
           std::vector<std::string>(words.begin(), words.begin() + 4) ==
               std::vector<std::string>{"nginx", "-t", "-q", "-c"} &&
           !generation_in(words[4], folder_in_container).empty();
  }
  if (platform.edge.mode != Platform::Edge::Mode::host) return false;
  if (words == platform.edge.reload) return true;
  const auto place = std::find(platform.edge.test.begin(), platform.edge.test.end(), "{config}");
  if (place == platform.edge.test.end() || words.size() != platform.edge.test.size()) return false;
  const std::string& path = words[static_cast<std::size_t>(place - platform.edge.test.begin())];
  const std::string id = generation_in(path, platform.folders.edge);
  return !id.empty() && words == host_test(platform, id);
}

}  // namespace

FileCall edge_file(FileCall::Act act, std::string path) {
  FileCall call;
  call.act = act;
  call.area = FileCall::Area::edge;
  call.path = std::move(path);
  return call;
}

Step write_file(const std::string& path, const Secret& content) {
  Step step = of("write", "file " + path);
  FileCall call = edge_file(FileCall::Act::write, path);
  call.content = content;
  // Keys are read by nginx's master alone; passwords by its workers, whoever they run as.
  if (!path.starts_with("certificates/")) call.mode = 0644;
  step.request = std::move(call);
  return step;
}

Step remove_file(const std::string& path) {
  Step step = of("remove", "file " + path);
  step.request = edge_file(FileCall::Act::remove, path);
  return step;
}

Step switch_to(const std::string& generation) {
  Step step = of("switch", "generation " + generation);
  FileCall call = edge_file(FileCall::Act::write, current_path);
  call.content = Secret(current_text(generation));
  step.request = std::move(call);
  return step;
}

Step test(const Platform& platform, const Place& edge, const std::string& generation) {
  Step step = of("test", "generation " + generation);
  ProcessCall call;
  call.timeout = test_timeout;
  if (edge.instance == host_instance) {
    call.arguments = host_test(platform, generation);
  } else {
    call.container = edge.instance;
    call.arguments = {"nginx", "-t", "-q", "-c",
                      std::string(folder_in_container) + "/" + generation_path(generation)};
  }
  step.request = std::move(call);
  return step;
}

Step reload(const Platform& platform, const Place& edge, const std::string& generation) {
  Step step = of("reload", "generation " + generation);
  step.count_as = all_reloads;
  if (edge.instance == host_instance) {
    ProcessCall call;
    call.arguments = platform.edge.reload;
    call.write = true;
    step.request = std::move(call);
    return step;
  }
  HttpCall call;
  call.method = "POST";
  call.path = "/containers/" + edge.instance + "/kill?signal=HUP";
  step.request = std::move(call);
  return step;
}

Step wait_for(const std::string& generation) {
  Step step = of("wait", "generation " + generation);
  step.request = Step::Wait();
  return step;
}

Outcome judge_step(const Step& step, const Answer& answer) {
  if (is_acme(step)) return judge_acme(step, answer);
  if (step.verb == "test") return judge_test(step, answer);
  if (answer.ok()) return {};
  if (step.verb == "remove" && answer.status == 404) return {};
  Outcome outcome;
  outcome.next = Outcome::Next::failed;
  outcome.error = {Code::unavailable, step.verb + " " + step.resource + ": " + said(answer), ""};
  if (step.verb != "reload") return outcome;
  // The container went, or stopped, meanwhile.
  if (answer.status == 404 || answer.status == 409) outcome.next = Outcome::Next::look_again;
  return outcome;
}

Result<void> check_policy(const Call& call, const Platform& platform) {
  if (const auto* http = std::get_if<HttpCall>(&call)) {
    if (http->writes() && !is_hup(*http)) return denied(http->method + " " + http->path);
    return {};
  }
  if (const auto* file = std::get_if<FileCall>(&call)) {
    const bool acme = file->area == FileCall::Area::state && file->path.starts_with("acme/");
    if (file->area == FileCall::Area::edge || acme) return {};
    return denied("the file " + file->path);
  }
  const auto* process = std::get_if<ProcessCall>(&call);
  if (process && (is_known(*process, platform) || is_order(*process, platform))) return {};
  return denied("a program that is no test or reload of nginx, and no order of a certificate");
}

}  // namespace fairlead::nginx
