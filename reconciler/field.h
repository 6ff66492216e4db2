#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/document.h"
#include "reconciler/schema.h"

// One place in a document that has been checked against its schema, for reading it into a typed
// value. A cheap view: document and findings must outlive it. Reading what is absent, or what the
// schema has already refused, gives nothing; what the unit or grammar refuses becomes a finding.
namespace fairlead {

class Field {
 public:
  Field(const Document& document, Findings& findings)
      : document_(&document), findings_(&findings), value_(&document.value) {}

  Field operator[](const std::string& key) const;
  std::vector<Field> items() const;
  std::vector<std::pair<std::string, Field>> members() const;

  const Json& value() const { return *value_; }
  const std::string& path() const { return path_; }
  const std::string& key() const { return key_; }
  std::string where() const { return document_->where(path_).text(); }  // "fairlead.yml:7:3"
  // It is there and nothing is known to be wrong with it.
  bool said() const { return !value_->is_null() && !findings_->has(path_); }
  void refuse(std::string message) const { findings_->add(path_, std::move(message)); }

  // Text without control characters; numbers and booleans as they are written.
  std::optional<std::string> text() const;
  std::optional<std::string> text_or_lines() const;  // tabs and line ends are allowed
  std::optional<int> number() const;
  bool flag() const { return said() && value_->as_bool(); }
  std::optional<std::int64_t> bytes() const;
  std::optional<std::int64_t> cpus() const;
  // At least `least`, at most 24 hours.
  std::optional<std::chrono::milliseconds> duration(std::chrono::milliseconds least) const;
  std::optional<std::int64_t> memory_limit() const;  // bytes that the engine takes for one
  std::optional<std::vector<std::string>> words() const;
  std::optional<std::string> absolute_path() const;  // normalised

 private:
  Field below(const std::string& path, std::string key, const Json& value) const;

  const Document* document_;
  Findings* findings_;
  const Json* value_;
  std::string path_;
  std::string key_;
};

}  // namespace fairlead
