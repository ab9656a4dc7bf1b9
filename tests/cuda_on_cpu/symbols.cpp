#include "tests/cuda_on_cpu/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

namespace cuda_on_cpu {
namespace {

// Kernels stand in unnamed namespaces, so that their names are in the symbol table of the program's file and not in
// what is loaded of it (where dladdr would look).
std::string symbol_at(std::uint64_t address) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < sizeof(ElfW(Ehdr))) return {};
  const auto* const header = reinterpret_cast<const ElfW(Ehdr)*>(bytes.data());
  const auto* const sections = reinterpret_cast<const ElfW(Shdr)*>(bytes.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const char* const names = bytes.data() + sections[sections[i].sh_link].sh_offset;
    const auto* const symbols = reinterpret_cast<const ElfW(Sym)*>(bytes.data() + sections[i].sh_offset);
    for (std::size_t j = 0; j < sections[i].sh_size / sizeof *symbols; ++j)
      if (symbols[j].st_value == address && ELF64_ST_TYPE(symbols[j].st_info) == STT_FUNC)
        return names + symbols[j].st_name;
  }
  return {};
}

std::uint64_t load_address() {
  std::uint64_t address = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::uint64_t*>(result) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &address);
  return address;
}

void remove_all(std::string& text, std::string_view part) {
  for (std::size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
}

// Drops the parameters and, of a template, the type returned.
std::string without_parameters(std::string name) {
  remove_all(name, "(anonymous namespace)::");
  name.erase(std::min(name.find('('), name.size()));
  constexpr std::string_view kReturned = "void ";
  if (name.starts_with(kReturned)) name.erase(0, kReturned.size());
  return name;
}

}  // namespace

std::string function_name(const void* function) {
  const auto address = reinterpret_cast<std::uint64_t>(function);
  const std::string symbol = symbol_at(address - load_address());
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                    std::free);
  if (status == 0) return without_parameters(name.get());
  std::ostringstream text;
  text << "at " << function;
  return text.str();
}

}  // namespace cuda_on_cpu
