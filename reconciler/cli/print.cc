#include "reconciler/cli/print.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "reconciler/source_text.h"

namespace fairlead::cli {
namespace {

using Row = std::vector<std::string>;

// Code points, so that columns line up behind "→" and "…".
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string list(const Json& items) {
  std::string text;
  for (const Json& item : items.items()) text += (text.empty() ? "" : ", ") + item.as_string();
  return text;
}

std::string removals_text(const Json& removals) {
  if (removals["waiting"].empty()) return "";
  std::string text = "\nnot removed: " + list(removals["waiting"]) + "\n  " +
                     removals["reason"].as_string() + "\n";
  const std::string& token = removals["token"].as_string();
  if (!token.empty()) text += "  to go on: fairlead approve " + token + "\n";
  return text;
}

std::string claims_text(const Json& claims) {
  std::string text;
  for (const Json& claim : claims.items())
    text += "  " + plain(claim["message"].as_string()) + "\n";
  return text.empty() ? "" : "\nclaims to names of others:\n" + text;
}

std::string broken_text(const Json& manifests) {
  std::string text;
  for (const Json& file : manifests["broken"].items()) {
    for (const Json& error : file["errors"].items()) text += "  " + plain(error.as_string()) + "\n";
  }
  return text.empty() ? "" : "\nbroken manifests (the last good version stays in force):\n" + text;
}

std::string update_text(const Json& update) {
  const std::string& digest = update["digest"].as_string();
  std::string text = "follows:  " + update["track"].as_string() + ", uses " +
                     update["tag"].as_string() + (digest.empty() ? "" : "@" + digest) + "\n";
  const std::string& error = update["error"].as_string();
  if (!error.empty()) text += "  trouble: " + plain(error) + "\n";
  const Json& failed = update["failed"];
  if (!failed.is_null()) {
    text += "  last failed: " + failed["tag"].as_string() + "@" + failed["digest"].as_string() +
            ": " + plain(failed["why"].as_string()) + "\n";
  }
  return text;
}

}  // namespace

void print(const std::string& text) {
  const std::string shown = printable(text);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
}

void complain(const std::string& text) {
  std::fprintf(stderr, "fairlead: %s\n", printable(text).c_str());
}

std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 32 || byte == 127 ? ' ' : c;
  }
  return out;
}

std::string status_table(const Json& status) {
  std::vector<Row> rows = {{"APP", "SYNC", "HEALTH", "REVISION", "MESSAGE"}};
  for (const Json& app : status["apps"].items()) {
    const std::string& running = app["revision"]["running"].as_string();
    const std::string& wanted = app["revision"]["wanted"].as_string();
    const bool same = running == wanted || wanted.empty();
    const std::string& reason = app["reason"].as_string();
    const std::string& message = app["message"].as_string();
    rows.push_back({app["name"].as_string(), app["sync"].as_string(), app["health"].as_string(),
                    same ? running : (running.empty() ? "-" : running) + " → " + wanted,
                    plain(reason + (reason.empty() || message.empty() ? "" : ": ") + message)});
  }
  std::string out = rows.size() > 1 ? table(rows)
                                    : "no apps: put a manifest into " +
                                          status["manifests"]["folder"].as_string() + "\n";
  for (const Json& warning : status["budget"].items()) {
    out += "\nwarning: " + plain(warning.as_string()) + "\n";
  }
  for (const Json& conflict : status["conflicts"].items()) {
    out += "\nconflict: " + conflict["app"].as_string() + ": " + conflict["resource"].as_string() +
           ": " + plain(conflict["message"].as_string()) + "\n";
  }
  if (!status["orphans"].empty()) {
    std::vector<Row> orphans;
    for (const Json& orphan : status["orphans"].items()) {
      orphans.push_back({"  " + orphan["resource"].as_string(), orphan["purge"].as_string()});
    }
    out += "\ndata without a manifest:\n" + table(orphans);
  }
  out += removals_text(status["removals"]) + claims_text(status["claims"]) +
         broken_text(status["manifests"]);
  const Json& engine = status["engine"];
  out += "\nengine: " + (engine["connected"].as_bool()
                             ? engine["description"].as_string()
                             : "not reachable: " + plain(engine["error"].as_string()));
  for (const Json& service : status["services"].items()) {
    out +=
        "\n" + service["name"].as_string() + ": " +
        (service["connected"].as_bool() ? service["description"].as_string()
                                        : "not reachable: " + plain(service["error"].as_string()));
  }
  const std::string& revision = status["manifests"]["revision"].as_string();
  out += "\nmanifests: " + status["manifests"]["folder"].as_string() +
         (revision.empty() ? "" : " at " + revision.substr(0, 12)) + "\n";
  const std::string& hold = status["manifests"]["hold"].as_string();
  if (!hold.empty()) out += "nothing is removed now: " + plain(hold) + "\n";
  if (!status["trouble"].empty()) out += "trouble: " + plain(status["trouble"].as_string()) + "\n";
  return out;
}

std::string routes_table(const Json& routes) {
  const bool of_all = !routes.has("name");
  std::vector<Row> rows = {
      {"HOST", "PATH", "TO", "CERTIFICATE", "EXPIRES", "STATE", of_all ? "APP" : "", ""}};
  for (const Json& route : routes["routes"].items()) {
    const std::string& cause = route["cause"].as_string();
    rows.push_back({route["host"].as_string(),
                    route["path"].empty() ? "-" : route["path"].as_string(),
                    route["upstreams"].empty() ? "-" : list(route["upstreams"]),
                    route["certificate"].empty() ? "-" : plain(route["certificate"].as_string()),
                    route["expires"].as_string().substr(0, 10),
                    route["state"].as_string() + (cause.empty() ? "" : ": " + plain(cause)),
                    route["app"].as_string(), plain(route["source"].as_string())});
  }
  return rows.size() > 1 ? table(rows) : "no routes: an app with `expose` has one\n";
}

std::string explanation(const Json& explain) {
  std::string out = explain["name"].as_string() + ": " + explain["sync"].as_string() + ", " +
                    explain["health"].as_string() + " since " + explain["since"].as_string() + "\n";
  const std::string& message = explain["message"].as_string();
  const std::string& reason = explain["reason"].as_string();
  const bool warns = reason.empty() && !explain["warnings"].empty();
  if (!message.empty() && !warns) out += "  " + reason + ": " + plain(message) + "\n";
  for (const Json& warning : explain["warnings"].items()) {
    out += "warning:  " + plain(warning.as_string()) + "\n";
  }
  out += "why:      " + plain(explain["why"].as_string()) + "\n";
  out += "manifest: " + explain["source"].as_string() + "\n";
  out += "wanted:   " + explain["revision"]["wanted"].as_string() + "\n";
  out += "running:  " + explain["revision"]["running"].as_string() + "\n";
  if (explain.has("update")) out += update_text(explain["update"]);
  std::vector<Row> rows;
  for (const Json& held : explain["resources"].items()) {
    rows.push_back({"  " + held["kind"].as_string(), held["name"].as_string(),
                    plain(held["state"].as_string()), plain(held["cause"].as_string())});
  }
  if (!rows.empty()) out += "\nresources:\n" + table(rows);
  if (!explain["routes"].empty()) out += "\nroutes:\n" + routes_table(explain);
  rows.clear();
  for (const Json& limit : explain["limits"].items()) {
    rows.push_back({"  " + limit["process"].as_string(),
                    limit["name"].as_string() + " " + limit["value"].as_string() + " (" +
                        plain(limit["origin"].as_string()) + ")"});
  }
  if (!rows.empty()) out += "\nlimits:\n" + table(rows);
  rows.clear();
  for (const Json& held : explain["origins"].items()) {
    rows.push_back({"  " + plain(held["field"].as_string()), plain(held["where"].as_string())});
  }
  if (!rows.empty()) out += "\nfields:\n" + table(rows);
  if (!explain["plan"].empty()) out += "\nplan:\n" + explain["plan"].as_string();
  for (const Json& retry : explain["retries"].items()) {
    out += "\nfailed " + std::to_string(retry["failures"].as_int()) +
           " times: " + plain(retry["error"].as_string()) + "\n";
  }
  rows.clear();
  for (const Json& entry : explain["history"].items()) {
    rows.push_back({"  " + entry["at"].as_string(), plain(entry["text"].as_string())});
  }
  if (!rows.empty()) out += "\nlast steps:\n" + table(rows);
  return out;
}

Json plan_json(const std::string& app, const AppState& state) {
  Json steps = Json::array();
  for (const Step& step : state.plan.steps()) {
    Json needs = Json::array();
    for (const std::size_t need : step.needs) needs.push(static_cast<std::int64_t>(need + 1));
    steps.push(Json::object({{"verb", step.verb},
                             {"resource", step.resource},
                             {"cause", step.cause},
                             {"after", needs}}));
  }
  return Json::object({{"name", app},
                       {"reason", state.report.reason},
                       {"message", state.report.message},
                       {"steps", steps},
                       {"text", state.plan.text()}});
}

std::string plan_text(const Json& plan) {
  std::string out;
  for (const Json& app : plan["apps"].items()) {
    if (app["steps"].empty()) continue;
    out += app["name"].as_string() + ":\n";
    const std::string& text = app["text"].as_string();
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      out += "  " + plain(text.substr(begin, end - begin)) + "\n";
      begin = end + 1;
    }
  }
  if (out.empty()) out = "nothing to do\n";
  return out + removals_text(plan["removals"]) + broken_text(plan["manifests"]);
}

}  // namespace fairlead::cli
