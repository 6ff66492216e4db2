#include "reconciler/cli/images.h"
#include "reconciler/cli/print.h"
#include "reconciler/cli/verbs.h"
#include "reconciler/live/control_client.h"
#include "reconciler/live/platform_file.h"

namespace fairlead::cli {
namespace {

std::string text_of(const std::string& verb, const Json& body) {
  if (verb == "status") return status_table(body);
  if (verb == "explain") return explanation(body);
  if (verb == "images") return images_text(body);
  if (verb == "routes") return routes_table(body);
  if (verb == "retry") return "tries again: " + body["retried"].as_string() + "\n";
  std::string text = verb == "approve" ? "approved:" : "purging:";
  for (const Json& name : body[verb == "approve" ? "approved" : "purged"].items())
    text += " " + name.as_string();
  return text + "\n";
}

}  // namespace

int ask(const Common& common, const std::string& verb, const std::string& word) {
  const ParsedPlatform platform = live::load_platform(common.config);
  for (const Error& error : platform.errors) complain(error.text());
  if (!platform.errors.empty()) return 1;
  std::map<std::string, std::string> words;
  if (!word.empty()) words[verb == "approve" ? "token" : "app"] = word;
  const auto answer = live::ask(platform.platform.socket, verb, words);
  if (!answer) {
    complain(answer.error().text());
    return 1;
  }
  const bool well = answer->status < 300;
  if (common.json) {
    print(answer->body.pretty() + "\n");
  } else if (well) {
    print(text_of(verb, answer->body));
  } else {
    complain(answer->body["error"].as_string());
  }
  return well ? 0 : 1;
}

}  // namespace fairlead::cli
