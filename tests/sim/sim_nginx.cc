#include "tests/sim/sim_nginx.h"

#include <cctype>

#include "tests/sim/sim_world.h"

namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;

constexpr char folder[] = "/etc/nginx/fairlead/";
constexpr char status_port[] = "8404";
constexpr milliseconds start_takes{30};
constexpr milliseconds reload_min{20};
constexpr milliseconds reload_max{150};
constexpr milliseconds slow_reload{1500};

struct Directive {
  std::vector<std::string> words;
  std::string file;
  int line = 0;
  std::vector<Directive> block;
};

Error emerg(const std::string& what, const std::string& file = "", int line = 0) {
  return {Code::invalid,
          what + (file.empty() ? "" : " in " + (folder + file) + ":" + std::to_string(line)), ""};
}

// The directives of one file.
class Parser {
 public:
  Parser(const std::string& text, std::string file) : text_(text), file_(std::move(file)) {}

  Result<std::vector<Directive>> parse() {
    std::vector<Directive> all;
    if (auto trouble = block(all, 0)) return *trouble;
    return all;
  }

 private:
  std::optional<Error> wrong(const std::string& what) const { return emerg(what, file_, line_); }

  std::optional<Error> block(std::vector<Directive>& into, int depth) {
    Directive next{{}, file_, line_, {}};
    for (std::string word; take(word);) {
      const bool mark = !quoted_ && (word == ";" || word == "{" || word == "}");
      if (!mark) {
        if (next.words.empty()) next.line = line_;
        next.words.push_back(word);
        continue;
      }
      if (word == "}") {
        return depth > 0 && next.words.empty() ? std::nullopt : wrong("unexpected \"}\"");
      }
      if (next.words.empty()) return wrong("unexpected \"" + word + "\"");
      if (word == "{") {
        if (auto trouble = block(next.block, depth + 1)) return trouble;
      }
      into.push_back(std::exchange(next, Directive{{}, file_, line_, {}}));
    }
    if (depth > 0) return wrong("unexpected end of file, expecting \"}\"");
    if (!next.words.empty()) return wrong("unexpected end of file, expecting \";\" or \"}\"");
    return std::nullopt;
  }

  void skip() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
        line_ += text_[at_++] == '\n';
      } else {
        return;
      }
    }
  }

  bool take(std::string& word) {
    skip();
    word.clear();
    if (at_ >= text_.size()) return false;
    const char quote = text_[at_];
    quoted_ = quote == '"' || quote == '\'';
    if (quoted_) {
      for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) word += text_[at_++];
        word += text_[at_];
      }
      ++at_;
      return true;
    }
    const std::string marks = ";{}";
    word = text_[at_++];
    if (marks.find(word) != marks.npos) return true;
    while (at_ < text_.size() && marks.find(text_[at_]) == marks.npos &&
           !std::isspace(static_cast<unsigned char>(text_[at_]))) {
      word += text_[at_++];
    }
    return true;
  }

  const std::string& text_;
  const std::string file_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool quoted_ = false;
};

// Reads files into what nginx would have in its memory.
class Loader {
 public:
  Loader(const std::map<std::string, SimFile>& files, const std::set<std::string>& bad)
      : files_(files), bad_(bad) {}

  Result<SimConfiguration> load(const std::string& path) {
    Result<std::vector<Directive>> all = read(path, emerg(missing(path)));
    if (!all) return all.error();
    if (auto trouble = visit(*all)) return *trouble;
    for (const Directive& server : servers_) {
      if (auto trouble = serve(server)) return *trouble;
    }
    if (made_.id.empty()) return emerg("no \"events\" section in configuration");
    return std::move(made_);
  }

 private:
  static std::string missing(const std::string& path) {
    return "open() \"" + (folder + path) + "\" failed (2: No such file or directory)";
  }

  Result<std::vector<Directive>> read(const std::string& path, const Error& absent) {
    const auto found = files_.find(path);
    if (found == files_.end()) return absent;
    if (path.starts_with("sites/")) {
      made_.has_sites = true;
      const std::string app = path.substr(6, path.find('.') - 6);
      if (bad_.count(app) > 0) return emerg("host not found in upstream \"nowhere\"", path, 3);
    }
    return Parser(found->second.content, path).parse();
  }

  std::optional<Error> visit(const std::vector<Directive>& all) {
    for (const Directive& one : all) {
      const std::string& name = one.words.front();
      if (name == "include") {
        const std::string& path = one.words.at(1);
        auto inner = read(path, emerg(missing(path), one.file, one.line));
        if (!inner) return inner.error();
        if (auto trouble = visit(*inner)) return trouble;
      } else if (name == "http") {
        if (auto trouble = visit(one.block)) return trouble;
      } else if (name == "upstream") {
        for (const Directive& server : one.block) {
          if (server.words.front() != "server") continue;
          const std::string& to = server.words.at(1);
          upstreams_[one.words.at(1)].insert(to.substr(0, to.rfind(':')));
        }
      } else if (name == "server") {
        servers_.push_back(one);
      }
    }
    return std::nullopt;
  }

  std::optional<Error> serve(const Directive& server) {
    int port = 0;
    std::vector<std::string> hosts;
    std::optional<SimWay> way;
    for (const Directive& one : server.block) {
      const std::string& name = one.words.front();
      if (name == "listen" && port == 0) port = std::atoi(one.words.at(1).c_str());
      if (name == "server_name") hosts.assign(one.words.begin() + 1, one.words.end());
      if (name == "ssl_certificate") {
        if (auto trouble = certificate(one.words.at(1))) return trouble;
      }
      if (name != "location") continue;
      Result<SimWay> leads = location(one);
      if (!leads) return leads.error();
      if (one.words.back() == "/") way = *leads;
    }
    // Of two that claim a name the first has it.
    for (const std::string& host : hosts) {
      if (way) made_.ways.emplace(std::pair(port, host), *way);
    }
    return std::nullopt;
  }

  std::optional<Error> certificate(const std::string& path) const {
    const auto found = files_.find(path);
    const std::string what = "cannot load certificate \"" + (folder + path) + "\": ";
    // No word of which site it is for.
    if (found == files_.end()) {
      return emerg(what +
                   "BIO_new_file() failed (SSL: error:80000002:system library::No such file "
                   "or directory)");
    }
    if (found->second.content.find("-----BEGIN") != std::string::npos) return std::nullopt;
    return emerg(what +
                 "PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no "
                 "start line:Expecting: TRUSTED CERTIFICATE)");
  }

  Result<SimWay> location(const Directive& location) {
    SimWay way;
    for (const Directive& one : location.block) {
      const std::string& name = one.words.front();
      const bool words = one.words.size() > 1;
      if (name == "return" && words) way.status = std::atoi(one.words[1].c_str());
      // "return 200 "$nginx_version ID\n""
      if (name == "return" && location.words.back() == "/generation") take_id(one.words.at(2));
      if (name != "proxy_pass" && name != "grpc_pass") continue;
      const std::string upstream = one.words.at(1).substr(one.words.at(1).find("//") + 2);
      const auto found = upstreams_.find(upstream);
      if (found == upstreams_.end()) {
        return emerg("host not found in upstream \"" + upstream + "\"", one.file, one.line);
      }
      way.addresses = found->second;
    }
    return way;
  }

  void take_id(const std::string& text) {
    const std::size_t space = text.find(' ');
    made_.id = text.substr(space + 1, text.find('\\') - space - 1);
  }

  const std::map<std::string, SimFile>& files_;
  const std::set<std::string>& bad_;
  SimConfiguration made_;
  std::map<std::string, std::set<std::string>> upstreams_;
  std::vector<Directive> servers_;
};

bool mounts_folder(const SimContainer& container) {
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Target"].as_string() + "/" == folder) return true;
  }
  return false;
}

}  // namespace

SimNginx::SimNginx(SimWorld& world, std::uint64_t seed) : world_(world), random_(seed) {}

Result<SimConfiguration> SimNginx::load(const std::string& path,
                                        const std::set<std::string>& bad) const {
  return Loader(world_.files(FileCall::Area::edge), bad).load(path);
}

bool SimNginx::runs(const std::string& container, std::uint64_t run) const {
  const auto found = world_.engine().containers().find(container);
  return found != world_.engine().containers().end() && found->second.running &&
         !found->second.restarting && found->second.run == run;
}

void SimNginx::take(const EngineEvent& event) {
  if (event.type != "container") return;
  const auto found = world_.engine().containers().find(event.id);
  if (found == world_.engine().containers().end()) return;
  const SimContainer& container = found->second;
  if (container.program.service != "nginx" || !mounts_folder(container)) return;
  const auto signal = event.attributes.find("signal");
  const bool hup = event.action == "kill" && signal->second == "1";
  if (!hup && event.action != "start") return;
  Duration delay = start_takes;
  if (hup) {
    ++reloads_;
    const auto& chance = world_.faults().chance;
    const auto happens = [&](Fault fault, int& asked) {
      const auto likely = chance.find(fault);
      const bool drawn = likely != chance.end() && random_.chance(likely->second);
      if (!drawn && asked == 0) return false;
      asked -= asked > 0;
      sometimes().count(std::string("fault ") + fault_name(fault));
      return true;
    };
    delay = random_.between(reload_min, reload_max);
    if (happens(Fault::reload_slow, traps.slow_reloads)) delay = slow_reload;
    if (happens(Fault::reload_lost, traps.lost_reloads)) return;
  }
  world_.after(delay, [this, id = container.id, run = container.run, hup] { read(id, run, hup); });
}

void SimNginx::read(const std::string& container, std::uint64_t run, bool reload) {
  if (!runs(container, run)) return;
  std::set<std::string> bad = traps.bad_apps;
  if (reload) bad.insert(traps.refused_apps.begin(), traps.refused_apps.end());
  Result<SimConfiguration> loaded = load("current.conf", bad);
  if (!loaded && reload) return;
  if (!loaded) {
    const std::string name = world_.engine().containers().at(container).name;
    return world_.engine().process_ends(name, 1);
  }
  if (loaded->has_sites && tested_.count(loaded->id) == 0) untested_.push_back(loaded->id);
  live_[container] = {container, run, world_.now().steady, std::move(*loaded)};
}

Answer SimNginx::test(const ProcessCall& call) {
  const auto found = world_.engine().containers().find(call.container);
  if (found == world_.engine().containers().end()) {
    return {404, "", "No such container: " + call.container};
  }
  const SimContainer& container = found->second;
  if (!container.running || container.restarting || container.paused) {
    return {409, "", "Container " + container.id + " is not running"};
  }
  const std::vector<std::string> test = {"nginx", "-t", "-q", "-c"};
  const bool known = call.arguments.size() == 5 && container.program.service == "nginx" &&
                     std::equal(test.begin(), test.end(), call.arguments.begin()) &&
                     call.arguments[4].starts_with(folder);
  if (!known) return {404, "", "executable file not found in $PATH"};
  const std::string path = call.arguments[4].substr(sizeof folder - 1);
  const Result<SimConfiguration> loaded = load(path, traps.bad_apps);
  if (loaded) {
    tested_.insert(loaded->id);
    return {200, "", ""};
  }
  return {500,
          "2026/01/01 00:00:00 [emerg] 31#31: " + loaded.error().message +
              "\nnginx: configuration file " + call.arguments[4] + " test failed\n",
          "exit code 1"};
}

std::string SimNginx::would_fail() const {
  const Result<SimConfiguration> loaded = load("current.conf", traps.bad_apps);
  return loaded ? "" : loaded.error().message;
}

std::optional<Answer> SimNginx::ask(const SimContainer& container, const std::string& port,
                                    const std::string& path) const {
  const auto found = live_.find(container.id);
  if (found == live_.end() || !runs(container.id, found->second.run) || port != status_port) {
    return std::nullopt;
  }
  if (path != "/generation") return Answer{404, "", ""};
  return Answer{200, "1.22.1 " + found->second.configuration.id + "\n", ""};
}

const SimNginx::Live* SimNginx::live() const {
  for (const auto& [id, live] : live_) {
    if (runs(id, live.run) && !world_.engine().containers().at(id).paused) return &live;
  }
  return nullptr;
}

}  // namespace fairlead::sim
