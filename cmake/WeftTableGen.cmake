# Generated headers. All land in build/gen/weft/gen and are included as "weft/gen/NAME".

# weft_tblgen(OUT GENERATOR [PUBLIC]): prints OUT from ir/ops/ops.td by `weft-tblgen -gen-GENERATOR`.
# PUBLIC: a public header includes it, so it is installed.
function(weft_tblgen out generator)
  cmake_parse_arguments(PARSE_ARGV 2 arg "PUBLIC" "" "")
  weft_run_tablegen(${out} weft-tblgen ${PROJECT_SOURCE_DIR}/ir/ops/ops.td -gen-${generator})
  weft_gen_target(weft-gen ${out})
  if(arg_PUBLIC)
    install(FILES ${WEFT_GEN_DIR}/weft/gen/${out} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/gen)
  endif()
endfunction()

# weft_mlir_tablegen(OUT TD GENERATOR [arg...]): prints OUT from TD (relative to this folder) by `mlir-tblgen -gen-GENERATOR arg...`.
function(weft_mlir_tablegen out td generator)
  weft_run_tablegen(${out} ${WEFT_MLIR_TBLGEN} ${CMAKE_CURRENT_SOURCE_DIR}/${td} -gen-${generator} ${ARGN})
  weft_gen_target(weft-ir-gen ${out})
endfunction()

function(weft_run_tablegen out tool td)
  set(file ${WEFT_GEN_DIR}/weft/gen/${out})
  # --write-if-changed: a record's comment changes nothing downstream.
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${WEFT_GEN_DIR}/weft/gen
    COMMAND ${tool} ${ARGN} -I ${PROJECT_SOURCE_DIR} -I ${PROJECT_SOURCE_DIR}/ir/ops -I ${LLVM_INCLUDE_DIRS} --write-if-changed ${td} -d ${file}.d -o ${file}
    DEPENDS ${tool} ${td} DEPFILE ${file}.d COMMENT "Generating weft/gen/${out}" VERBATIM)
endfunction()

# A custom target's files must be known in the folder that declares their command: one small target an output.
function(weft_gen_target group out)
  string(MAKE_C_IDENTIFIER ${out} name)
  add_custom_target(gen-${name} DEPENDS ${WEFT_GEN_DIR}/weft/gen/${out})
  add_dependencies(${group} gen-${name})
endfunction()
