<?php
// Runs Zabbix' own import validator of the installed frontend: php validate.php FRONTEND_DIR FILE.yaml
// Prints the validator's message and exits 1 when it refuses the file.
[, $ui, $file] = $argv;
require_once $ui.'/include/classes/core/CAutoloader.php';
require_once $ui.'/vendor/autoload.php';
$autoloader = new CAutoloader;
$folders = [$ui.'/include/classes'];
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($ui.'/include/classes', FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::SELF_FIRST) as $path) {
	if ($path->isDir()) {
		$folders[] = $path->getPathname();
	}
}
if (method_exists($autoloader, 'addNamespace')) {
	$autoloader->addNamespace('', $folders);
	$autoloader->register();
}
foreach (['defines', 'func', 'gettextwrapper', 'translateDefines'] as $name) {
	if (is_file($ui."/include/$name.inc.php")) {
		require_once $ui."/include/$name.inc.php";
	}
}
try {
	$data = (new CYamlImportReader())->read(file_get_contents($file));
	(new CXmlValidator(new CImportValidatorFactory(CImportReaderFactory::YAML), CImportReaderFactory::YAML))
		->setStrict(true)
		->validate($data, '');
}
catch (Exception $error) {
	echo $error->getMessage(), "\n";
	exit(1);
}
echo "valid\n";
