#include "providers/nginx/acme_steps.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "reconciler/grammar.h"

namespace fairlead::nginx {
namespace {

using Next = Outcome::Next;

constexpr char orders_folder[] = "acme/orders";
constexpr char public_directory[] = "https://acme-v02.api.letsencrypt.org/directory";
constexpr char webroot[] = "challenges";
constexpr char challenge_path[] = "/.well-known/acme-challenge/";
constexpr std::size_t reason_max = 400;

std::string directory_of(const Platform::Edge::Acme& acme) {
  return acme.directory.empty() ? public_directory : acme.directory;
}

// One file for all hosts: whoever serves it is this installation.
std::string token_of(const Keys& keys) { return keys.digest("acme probe", "").substr(0, 32); }
std::string probe_path(const Keys& keys) { return challenge_path + ("fairlead-" + token_of(keys)); }

Step make(std::string verb, std::string resource, std::string cause) {
  Step step;
  step.verb = std::move(verb);
  step.resource = "acme " + std::move(resource);
  step.cause = std::move(cause);
  return step;
}

ProcessCall order_call(const Platform& platform, const std::string& host) {
  const Platform::Edge::Acme& acme = platform.edge.acme;
  ProcessCall call;
  call.arguments = {"lego",       "--accept-tos",
                    "--email",    acme.email,
                    "--server",   directory_of(acme),
                    "--path",     platform.folders.state + "/acme",
                    "--domains",  host,
                    "--key-type", "ec256"};
  std::vector<std::string> how = {"--dns", acme.dns};
  if (acme.dns.empty()) how = {"--http", "--http.webroot", platform.folders.edge + "/" + webroot};
  call.arguments.insert(call.arguments.end(), how.begin(), how.end());
  // Also where there is one already: lego's `renew` decides by itself whether it is time.
  call.arguments.push_back("run");
  if (!acme.ca_file.empty()) call.environment.emplace_back("LEGO_CA_CERTIFICATES", acme.ca_file);
  call.environment_file = acme.dns_env_file;
  call.write = true;
  call.timeout = order_timeout(acme);
  return call;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "2026/11/22 10:04:24 " at the beginning of a line.
std::string_view without_time(std::string_view line) {
  const bool timed = line.size() > 20 && line[4] == '/' && line[7] == '/' && line[10] == ' ' &&
                     line[13] == ':' && line[16] == ':' && line[19] == ' ';
  line.remove_prefix(timed ? 20 : 0);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

// Out of what lego wrote: the last line that names an error of ACME, else the last one at all.
std::string reason_of(const std::string& output) {
  std::string_view last;
  std::string_view named;
  for (std::size_t begin = 0; begin < output.size();) {
    const std::size_t end = std::min(output.find('\n', begin), output.size());
    const auto line = without_time(std::string_view(output).substr(begin, end - begin));
    if (!line.empty()) last = line;
    if (contains(line, "acme: error:")) named = line;
    begin = end + 1;
  }
  std::string reason(named.empty() ? last : named);
  reason.resize(std::min(reason.size(), reason_max));
  std::replace_if(
      reason.begin(), reason.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  return reason;
}

std::string came_back(const Answer& answer) {
  return answer.answered() ? "answered " + std::to_string(answer.status)
                           : "no answer (" + answer.error + ")";
}

std::string why_order(const Answer& answer) {
  if (answer.status == 404) {
    return "the program lego is not there: install it on the host (apt-get install lego)";
  }
  const std::string reason = reason_of(answer.body);
  if (!reason.empty() && answer.answered()) return reason;
  return answer.error.empty() ? came_back(answer) : answer.error;
}

std::string why_check(const Step& step, const Answer& answer) {
  const auto& call = std::get<HttpCall>(step.request);
  const std::string url = "http://" + call.endpoint + call.path;
  const std::string what =
      answer.ok() ? "gave something else than what was put there" : came_back(answer);
  return url + ": " + what +
         "; the name must lead to this host, and its port 80 to the edge, before a CA is asked";
}

// The probe's content is its own name's end.
bool is_probe(const Step& step, const Answer& answer) {
  const std::string& path = std::get<HttpCall>(step.request).path;
  return answer.status == 200 && answer.body == path.substr(path.rfind('-') + 1);
}

}  // namespace

std::chrono::milliseconds order_timeout(const Platform::Edge::Acme& acme) {
  return acme.dns.empty() ? std::chrono::minutes(3) : std::chrono::minutes(15);
}

std::string check_name(const std::string& host) { return "check acme name " + host; }
std::string record_name(const std::string& host) { return "record acme order " + host; }
std::string order_name(const std::string& host) { return "order acme certificate " + host; }
std::string recorded_counter(const std::string& host) { return "acme recorded " + host; }
std::string ordered_counter(const std::string& host) { return "acme ordered " + host; }

Step write_probe(const AcmeInput& input) {
  Step step = make("write", "probe", "what the names of hosts must lead to");
  FileCall call;
  call.area = FileCall::Area::edge;
  call.path = webroot + probe_path(*input.keys);
  call.content = Secret(token_of(*input.keys));
  call.mode = 0644;
  step.request = std::move(call);
  return step;
}

Step check_host(const AcmeInput& input, const std::string& host) {
  Step step = make("check", "name " + host, "the name must lead here before a CA is asked");
  HttpCall call;
  call.endpoint = host + ":80";
  call.path = probe_path(*input.keys);
  call.body_max = 4096;
  step.request = std::move(call);
  return step;
}

Step ask_authority(const AcmeInput& input) {
  const std::string url = directory_of(input.platform->edge.acme);
  const bool plain = url.compare(0, 7, "http://") == 0;
  const std::size_t begin = plain ? 7 : 8;
  const std::size_t slash = std::min(url.find('/', begin), url.size());
  Step step = make("ask", "authority", "is " + url + " there");
  HttpCall call;
  call.endpoint = url.substr(begin, slash - begin);
  if (!contains(call.endpoint, ":")) call.endpoint += plain ? ":80" : ":443";
  call.path = slash < url.size() ? url.substr(slash) : "/";
  if (!plain) call.tls = Tls{input.platform->edge.acme.ca_file};
  call.timeout = std::chrono::seconds(10);
  call.body_max = 1u << 20;
  step.request = std::move(call);
  return step;
}

Step remove_account() {
  Step step = make("remove", "account", "the CA does not know it, or no longer; another is made");
  FileCall call;
  call.act = FileCall::Act::remove;
  call.path = "acme/accounts";
  step.request = std::move(call);
  step.count_as = account_counter;
  return step;
}

Step forget_attempt(const Attempt& attempt) {
  Step step = make("remove", attempt.path, "too old to count");
  FileCall call;
  call.act = FileCall::Act::remove;
  call.path = attempt.path;
  step.request = std::move(call);
  return step;
}

Step record_attempt(const AcmeInput& input, const std::string& host) {
  Step step = make("record", "order " + host, "so that it counts whatever becomes of it");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(input.now.wall).count();
  FileCall call;
  call.path = orders_folder + ("/" + std::to_string(seconds)) + "-" + stem_of(host);
  step.request = std::move(call);
  step.count_as = recorded_counter(host);
  return step;
}

Step order_certificate(const AcmeInput& input, const std::string& host, const std::string& cause) {
  Step step = make("order", "certificate " + host, cause);
  step.request = order_call(*input.platform, host);
  step.patient = true;
  step.count_as = ordered_counter(host);
  return step;
}

FileCall list_attempts() {
  FileCall call;
  call.act = FileCall::Act::list;
  call.path = orders_folder;
  return call;
}

Result<AcmeSeen> decode_attempts(const Answer& answer) {
  if (answer.status == 404) return AcmeSeen{};
  const auto paths = Json::parse(answer.body);
  if (!answer.ok() || !paths) {
    return Error{Code::unavailable, std::string(orders_folder) + ": " + answer.error, ""};
  }
  AcmeSeen seen;
  for (const Json& path : paths->items()) {
    const std::string& text = path.as_string();
    const std::string name = text.substr(text.rfind('/') + 1);
    const std::size_t digits = name.find_first_not_of("0123456789");
    if (digits == 0 || digits > 12 || name[digits] != '-') continue;
    std::string host = name.substr(digits + 1);
    if (host.compare(0, 2, "_.") == 0) host[0] = '*';
    seen.attempts.push_back({std::chrono::seconds(std::stoll(name.substr(0, digits))), host, text});
  }
  std::sort(seen.attempts.begin(), seen.attempts.end(),
            [](const Attempt& a, const Attempt& b) { return a.at < b.at; });
  return seen;
}

// Seen of pebble and, in its source, of Let's Encrypt's server: a refused challenge is
// "unauthorized" as well, but no answer to a POST.
bool account_is_dead(const std::string& trouble) {
  if (!contains(trouble, " :: POST :: ")) return false;
  return contains(trouble, "error:accountDoesNotExist") ||
         (contains(trouble, "error:unauthorized") && contains(trouble, "ccount"));
}

bool is_acme(const Step& step) { return step.resource.compare(0, 5, "acme ") == 0; }

Outcome judge_acme(const Step& step, const Answer& answer) {
  const bool gone = step.verb == "remove" && answer.status == 404;
  const bool good = step.verb == "check" ? is_probe(step, answer) : answer.ok() || gone;
  if (good) return {};
  std::string why = answer.error.empty() ? came_back(answer) : answer.error;
  if (step.verb == "check") why = why_check(step, answer);
  if (step.verb == "order") why = why_order(answer);
  if (step.verb == "ask") why = "the CA: " + came_back(answer);
  Outcome outcome;
  outcome.next = Next::put_off;
  outcome.error = {Code::unavailable, std::move(why), ""};
  return outcome;
}

bool is_order(const ProcessCall& call, const Platform& platform) {
  const auto flag = std::find(call.arguments.begin(), call.arguments.end(), "--domains");
  if (!call.container.empty() || flag == call.arguments.end() ||
      std::next(flag) == call.arguments.end()) {
    return false;
  }
  const std::string& host = *std::next(flag);
  const ProcessCall made = order_call(platform, host);
  return !platform.edge.acme.email.empty() && acme_can(host, platform.edge.acme) &&
         call.arguments == made.arguments && call.environment == made.environment &&
         call.environment_file == made.environment_file;
}

}  // namespace fairlead::nginx
